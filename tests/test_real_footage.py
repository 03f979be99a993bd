"""Face extraction on real DFDC, TIMIT and YouTube footage: what is sampled and found; jobs change nothing.

The footage is third-party material that does not travel with the repository; without it these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ddet import params
from ddet.data import faces, sampling, tracks, video

FRAMES = {  # decoded frames of each clip
    "0017_fake": 113, "0048_fake": 907, "aajsqyyjni": 300, "abofeumbvv": 300, "abqwwspghj": 300, "anndvqgoko": 300,
    "lynaeydofd": 300, "sample_2": 144, "sample_3": 718,
}  # fmt: skip


def config(**changes) -> params.Faces:
    base = {"sampling": "even", "fps": 1.0, "every": 10, "frames": 4, "scale": 0.5, "min_face": 40}
    base |= {"thresholds": [0.6, 0.7, 0.7], "track": "largest", "margin": 0.3, "size": 112}
    return params.Faces(**base | changes)


def manifest(folder: Path) -> pd.DataFrame:
    rows = []
    for path in sorted(folder.rglob("*.mp4")):
        info = video.probe(path)
        size = {"fps": info.fps, "width": info.width, "height": info.height, "frames": info.frames}
        row = {"clip_id": path.stem, "original": path.stem, "path": path.relative_to(folder).as_posix(), "label": 0}
        rows.append(row | size | {"status": "ok", "reason": ""})
    return pd.DataFrame(rows).sort_values("clip_id", ignore_index=True)


def extract(clips, folder, out, jobs=1, **changes):
    backend = "loky" if jobs > 1 else "sequential"
    runtime = params.Runtime(threads=1, device="cpu", isa="avx2", jobs=jobs, backend=backend, workers=0, fits=1)
    return faces.extract_faces(clips, folder, out, config(**changes), runtime, progress=False)


@pytest.fixture(scope="module")
def extracted(real_footage, tmp_path_factory):
    clips, out = manifest(real_footage), tmp_path_factory.mktemp("faces")
    return clips, out, *extract(clips, real_footage, out)


def test_nine_clips_are_counted(extracted):
    clips = extracted[0]
    assert dict(zip(clips["clip_id"], clips["frames"], strict=True)) == FRAMES


def test_faces_found_in_each_clip(extracted):
    _, _, table, rejects = extracted
    expected = dict.fromkeys(FRAMES, 4) | {"sample_2": 3}  # sample_2 fades in from black
    assert table.groupby("clip_id").size().to_dict() == expected
    assert rejects.values.tolist() == [["sample_2", 0, "no face in frame"]]


def test_crops_hold_the_face(extracted):
    _, out, table, _ = extracted
    assert (table["track"] == 0).all() and (table["prob"] > 0.7).all()
    whole = table[table["clip_id"] != "sample_3"]  # a close-up whose face is larger than the frame
    landmarks = whole[faces.POINTS].to_numpy().reshape(-1, 5, 2)
    assert ((landmarks > 0) & (landmarks < 112)).all()
    eyes, mouth = landmarks[:, :2].mean(1), landmarks[:, 3:].mean(1)
    assert (mouth[:, 1] > eyes[:, 1]).all()
    assert all(faces.load_crop(out / crop).shape == (112, 112, 3) for crop in table["crop"])


def test_sampling_one_a_second(real_footage):
    counts = {r.clip_id: len(sampling.sample_indices(r.frames, r.fps, config(sampling="fps"))) for r in
              manifest(real_footage).itertuples()}  # fmt: skip
    assert counts == dict.fromkeys(FRAMES, 10) | {"0017_fake": 4, "0048_fake": 31, "sample_2": 6, "sample_3": 24}


def test_jobs_change_nothing(extracted, real_footage, tmp_path):
    clips, out, table, _ = extracted
    small = clips[clips["width"] < 1000].reset_index(drop=True)
    again, _ = extract(small, real_footage, tmp_path, jobs=2)
    pd.testing.assert_frame_equal(again, table[table["clip_id"].isin(small["clip_id"])].reset_index(drop=True))
    for crop in again["crop"]:
        assert (tmp_path / crop).read_bytes() == (out / crop).read_bytes()


def test_a_copy_that_calls_itself_a_fake_gets_the_same_crops(real_footage, tmp_path):
    clips = manifest(real_footage).query("clip_id == '0017_fake'").to_dict("records")
    copy = clips[0] | {"clip_id": "copy", "label": 1, "original": "0017_fake"}
    table, _ = extract(pd.DataFrame([*clips, copy]), real_footage, tmp_path)
    own, fake = (table[table["clip_id"] == name].reset_index(drop=True) for name in ("0017_fake", "copy"))
    assert fake["boxes_from"].eq("original").all() and fake["sha"].equals(own["sha"])


def test_close_to_the_detector_on_full_frames(extracted, real_footage):
    from facenet_pytorch import MTCNN

    clips, _, table, _ = extracted
    net = MTCNN(keep_all=True, device="cpu")
    for name in ("0017_fake", "lynaeydofd"):
        path = clips.set_index("clip_id").loc[name, "path"]
        index, frame = next(video.read_frames(real_footage / path, [FRAMES[name] - 1]))
        mine = table[(table["clip_id"] == name) & (table["frame_idx"] == index)][faces.BOX].to_numpy(float)
        assert tracks.iou(mine, net.detect(frame)[0].astype(float)).max() > 0.7
        assert np.all(mine[:, 2:] > mine[:, :2])
