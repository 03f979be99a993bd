"""The rendered trees: official names and lists, pairing, unusable clips, determinism, refusal of foreign folders."""

import json
import re
import shutil
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from ddet import params
from ddet.errors import InputError
from ddet.synth import layout_celebdf, layout_dfdc, layout_ffpp, write
from ddet.synth.encode import read_truth
from ddet.synth.plan import Plan
from ddet.synth.scene import film

METHODS = ["Deepfakes", "Face2Face", "FaceShifter", "FaceSwap", "NeuralTextures"]
VARIANTS = ["end_to_end", "end_to_end_mix_2_distortions", "end_to_end_level_5", "reenact_postprocess"]


def benchmark(**changes) -> params.Benchmark:
    keys = {
        "render": True, "seed": 1, "frame_size": 128, "frames": 2, "fps": 8.0, "crf": 23, "unusable": 3,
        "ffpp": {"pairs": 3, "methods": METHODS},
        "celebdf": {"identities": 4, "clips_per_identity": 1, "youtube": 2, "fakes": 4},
        "dfdc": {"parts": 2, "originals": 2, "fakes": 3, "two_person": 1.0, "test_clips": 2},
        "df1": {"actors": 4, "variants": VARIANTS},
        "jitter": {"people": 2},
    }  # fmt: skip
    return params.Benchmark.model_validate(keys | changes)


def runtime(jobs: int, backend: str) -> params.Runtime:
    return params.Runtime(threads=1, device="cpu", isa="avx2", jobs=jobs, backend=backend, workers=0, fits=1)


def decode(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as box:
        return [frame.to_ndarray(format="rgb24") for frame in box.decode(video=0)]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    out = tmp_path_factory.mktemp("bench") / "synthetic"
    return out, write.render_benchmark(out, benchmark(), runtime(1, "sequential"))


def stems(root: Path, folder: str) -> list[str]:
    return sorted(p.stem for p in (root / folder).glob("*.mp4"))


def test_every_row_is_a_file_and_every_clip_is_a_row(rendered):
    root, table = rendered
    files = {p.relative_to(root).as_posix() for p in root.rglob("*.mp4") if "masks" not in p.parts}
    assert set(table.path) == files and table.clip_id.is_unique
    assert not list(root.rglob("*.part"))
    kept = pd.read_csv(root / "rendered.csv", dtype={"target": str})
    assert kept.clip_id.tolist() == table.clip_id.tolist()


def test_ffpp_names_pairs_and_masks(rendered):
    root = rendered[0] / "FaceForensics++"
    parts = {name: json.loads((root / f"{name}.json").read_text()) for name in ("train", "val", "test")}
    pairs = [pair for part in parts.values() for pair in part]
    assert [len(part) for part in parts.values()] == [1, 1, 1]
    ids = [i for pair in pairs for i in pair]
    assert sorted(ids) == [f"{i:03d}" for i in range(6)]
    both = sorted(f"{a}_{b}" for pair in pairs for a, b in (pair, pair[::-1]))
    for method in METHODS:
        assert stems(root, f"manipulated_sequences/{method}/c23/videos") == both
        assert stems(root, f"manipulated_sequences/{method}/masks/videos") == ([] if method == "FaceShifter" else both)
    reals = stems(root, "original_sequences/youtube/c23/videos")
    assert reals[:6] == sorted(ids) and len(reals) == 9, "and three that cannot be used"


@pytest.mark.parametrize(("pairs", "sizes"), [(3, [1, 1, 1]), (4, [2, 1, 1]), (20, [12, 2, 6])])
@pytest.mark.parametrize("seed", range(5))
def test_ffpp_splits_and_the_straddling_upload(pairs, sizes, seed):
    files = layout_ffpp.plan(benchmark(ffpp={"pairs": pairs, "methods": METHODS}, seed=seed)).files
    parts = [json.loads(files[f"FaceForensics++/{name}.json"]) for name in ("train", "val", "test")]
    uploads = json.loads(files["FaceForensics++/conversion_dict.json"])
    assert [len(part) for part in parts] == sizes
    assert len({i for part in parts for pair in part for i in pair}) == 2 * pairs
    train, val = ({i for pair in part for i in pair} for part in parts[:2])
    assert uploads["000"][:11] == uploads["001"][:11] and "000" in train and "001" in val
    assert uploads["002"][:11] == uploads["003"][:11] != uploads["000"][:11]
    assert all(re.fullmatch(r"[\w-]{11} \d", upload) for upload in uploads.values())
    assert all(uploads[a][:11] != uploads[b][:11] for part in parts for a, b in part), "nobody is swapped with herself"


def test_celebdf_names_and_the_polarity_of_its_list(rendered):
    root = rendered[0] / "Celeb-DF-v2"
    text = (root / "List_of_testing_videos.txt").read_text()
    lines = [line.split(" ") for line in text.split("\n")]
    assert not text.endswith("\n")
    assert {(folder.split("/")[0], n) for n, folder in lines} == {
        ("YouTube-real", "1"), ("Celeb-real", "1"), ("Celeb-synthesis", "0"),
    }  # fmt: skip
    assert all((root / name).is_file() for _, name in lines)
    fakes = stems(root, "Celeb-synthesis")
    assert len(fakes) == 4 and all(re.fullmatch(r"id\d+_id\d+_\d{4}", s) for s in fakes)
    for stem in fakes:
        a, b, n = stem.split("_")
        assert a != b and (root / "Celeb-real" / f"{a}_{n}.mp4").is_file()
    assert stems(root, "YouTube-real") == ["00000", "00001"]


def test_celebdf_refuses_more_fakes_than_there_are():
    few = {"identities": 4, "clips_per_identity": 1, "youtube": 0, "fakes": 13}
    with pytest.raises(InputError, match="13 > 12"):
        layout_celebdf.plan(benchmark(celebdf=few))


def test_dfdc_parts_and_labels(rendered):
    root = rendered[0] / "DFDC"
    for part in (0, 1):
        text = (root / f"dfdc_train_part_{part}" / "metadata.json").read_text()
        meta = json.loads(text)
        assert "\n" not in text, "the real files are one line"
        assert sorted(meta) == [f"{s}.mp4" for s in stems(root, f"dfdc_train_part_{part}")]
        fakes = [m for m in meta.values() if m["label"] == "FAKE"]
        assert len(fakes) == 3 and all(meta[m["original"]]["label"] == "REAL" for m in fakes)
        assert all("original" not in m for m in meta.values() if m["label"] == "REAL")
        assert all(re.fullmatch(r"[a-z]{10}\.mp4", name) for name in meta)
    labels = dict(line.split(",") for line in (root / "test" / "labels.csv").read_text().splitlines())
    assert labels.pop("filename") == "label"
    meta = json.loads((root / "test" / "metadata.json").read_text())
    assert {k: int(v) for k, v in labels.items()} == {k: m["is_fake"] for k, m in meta.items()}
    assert sorted(labels.values()) == ["0", "1"]


def test_dfdc_two_person_clips_change_one_face(rendered):
    root, table = rendered
    fakes = table[(table.method == "DFDC") & table.path.str.contains("part_")]
    for fake in fakes.itertuples():
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        columns = np.nonzero(truth.any((0, 1)))[0]
        width = truth.shape[2]
        assert width > truth.shape[1], "two people sit in landscape"
        assert columns.max() < 0.6 * width or columns.min() > 0.4 * width


def test_either_of_two_people_may_be_forged():
    many = {"parts": 1, "originals": 8, "fakes": 24, "two_person": 1.0, "test_clips": 0}
    fakes = [fake for take in layout_dfdc.plan(benchmark(dfdc=many)).takes for fake in take.fakes]
    assert len(fakes) == 24 and {fake.person for fake in fakes} == {0, 1}


def test_some_dfdc_clips_have_sound(rendered):
    root, table = rendered
    sound = []
    for path in table[table.path.str.contains("dfdc_train_part_1")].path:
        with av.open(str(root / path)) as box:
            sound.append(len(box.streams.audio))
    assert {0, 1} == set(sound)


def test_df1_has_no_reals_and_its_lists_hold(rendered):
    _, table = rendered
    ours = table[table.dataset == "df1"]
    assert (ours.label == 1).all() and set(ours.method) == set(VARIANTS)
    usable = ours[ours.unusable.isna()]
    names = {variant: sorted(Path(p).name for p in usable[usable.method == variant].path) for variant in VARIANTS}
    assert len({tuple(n) for n in names.values()}) == 1, "every variant has the same names"
    assert all(re.fullmatch(r"\d{3}_[MW]\d{3}\.mp4", n) for n in names["end_to_end"])
    lists = rendered[0] / "DeeperForensics-1.0" / "lists"
    parts = {n: (lists / "splits" / f"{n}.txt").read_text().split() for n in ("train", "val", "test")}
    assert sorted(name for part in parts.values() for name in part) == names["end_to_end"]
    actors = [{name[4:-4] for name in part} for part in parts.values()]
    assert not actors[0] & actors[1] and not actors[0] & actors[2] and not actors[1] & actors[2]
    metas = lists / "manipulated_videos_distortions_meta"
    assert not (metas / "manipulated_videos_end_to_end_meta.txt").exists(), "not distorted"
    for variant, steps in (("end_to_end_mix_2_distortions", 2), ("end_to_end_level_5", 1)):
        lines = (metas / f"manipulated_videos_{variant}_meta.txt").read_text().splitlines()
        assert sorted(line.split()[0] for line in lines) == [f"{variant}/{n}" for n in names[variant]]
        assert all(re.fullmatch(rf"\S+( [A-Z]+:[1-5]){{{steps}}}", line) for line in lines)


def test_each_usable_fake_has_a_truth_of_its_size_and_no_real_has(rendered):
    root, table = rendered
    fakes = table[(table.label == 1) & table.unusable.isna()]
    kept = {p.relative_to(root / "truth").with_suffix("").as_posix() for p in (root / "truth").rglob("*.npz")}
    assert kept == set(fakes.clip_id)
    for fake in fakes.itertuples():
        frames, truth = decode(root / fake.path), read_truth(root / "truth" / f"{fake.clip_id}.npz")
        assert truth.shape == (fake.frames, *frames[0].shape[:2]) and len(frames) == fake.frames
        if fake.dataset == "folder":
            assert not truth.any(), "two frames have no other order: test_synth_jitter has more"
        else:
            assert 0.005 < truth.mean() < 0.3


def test_a_fake_is_its_original_outside_the_truth(rendered):
    """Before encoding exactly (test_synth_forge); decoded, up to compression."""
    root, table = rendered
    reals = table[(table.dataset == "ffpp") & (table.label == 0)].set_index("target").path
    for fake in table[(table.method == "Deepfakes") & table.unusable.isna()].itertuples():
        a, b = (np.stack(decode(root / p)).astype(int) for p in (fake.path, reals[fake.target]))
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        change = np.abs(a - b).mean(3)
        assert change[truth].mean() > 1.5 * change[~truth].mean()


def test_mask_videos_show_the_truth(rendered):
    root, table = rendered
    for fake in table[table.method == "NeuralTextures"].itertuples():
        shown = np.stack(decode(root / fake.path.replace("/c23/", "/masks/")))[..., 0] > 127
        truth = read_truth(root / "truth" / f"{fake.clip_id}.npz")
        assert (shown & truth).sum() / (shown | truth).sum() > 0.9


def test_unusable_clips_are_there_in_each_dataset(rendered):
    root, table = rendered
    broken = table[table.unusable.notna()]
    assert sorted(broken.groupby(["dataset", "unusable"]).size()) == [1] * 12
    for clip in broken.itertuples():
        if clip.unusable == "empty":
            assert (root / clip.path).stat().st_size == 0
        elif clip.unusable == "truncated":
            with pytest.raises(av.error.InvalidDataError):
                decode(root / clip.path)
        else:
            assert len(decode(root / clip.path)) == clip.frames == 2


def test_same_seed_same_bytes_whatever_the_jobs(rendered, tmp_path):
    root, table = rendered
    write.render_benchmark(tmp_path / "again", benchmark(), runtime(2, "loky"))
    for path in [*table.path, *(f"truth/{c}.npz" for c in table[table.label == 1].clip_id), "rendered.csv"]:
        one, two = root / path, tmp_path / "again" / path
        assert one.exists() == two.exists()
        assert not one.exists() or one.read_bytes() == two.read_bytes(), path


def test_a_whole_benchmark_is_kept_and_an_incomplete_one_made_again(rendered, tmp_path):
    root, table = rendered
    before = (root / table.path[0]).stat().st_mtime_ns
    again = write.render_benchmark(root, benchmark(), runtime(1, "sequential"))
    assert again.equals(table) and (root / table.path[0]).stat().st_mtime_ns == before
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    (copy / "rendered.csv").unlink()  # as a killed run leaves it
    (copy / table.path[0]).unlink()
    assert write.render_benchmark(copy, benchmark(), runtime(1, "sequential")).equals(table)
    assert (copy / table.path[0]).read_bytes() == (root / table.path[0]).read_bytes()


def test_another_seed_other_frames():
    takes = [layout_ffpp.plan(benchmark(seed=s)).takes[0] for s in (1, 2)]
    shots = [film(write.compose_take(take, benchmark(seed=s)))[0].image for take, s in zip(takes, (1, 2), strict=True)]
    assert not np.array_equal(*shots)


def test_a_foreign_folder_is_refused_and_kept(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not rendered by ddet"):
        write.render_benchmark(tmp_path, benchmark(), runtime(1, "sequential"))
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_path_that_is_a_file_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write.render_benchmark(tmp_path / "file", benchmark(), runtime(1, "sequential"))


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), av.error.PermissionError(13, "Denied", "x")])
def test_a_full_or_closed_disk_is_one_line(tmp_path, monkeypatch, error):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(write, "write_mp4", fail)
    with pytest.raises(InputError, match=error.strerror):
        write.render_benchmark(tmp_path / "out", benchmark(), runtime(1, "sequential"))


def test_our_own_folder_is_replaced(tmp_path):
    write._claim(tmp_path / "out", "one")
    (tmp_path / "out" / "stale.mp4").write_text("")
    write._claim(tmp_path / "out", "two")
    assert [p.name for p in (tmp_path / "out").iterdir()] == [write.MARKER]


@pytest.fixture
def bare(monkeypatch):
    """Plan nothing, so that only keeping and replacing are left to see."""
    monkeypatch.setattr(write, "plan", lambda cfg: Plan(files={"list.txt": "nobody"}))


def rendered_bare(out: Path, cfg: params.Benchmark | None = None, jobs: int = 1) -> bool:
    """Render with a foreign mark in the folder; tells whether what was there has been kept."""
    if out.exists():
        (out / "mark").write_text("")
    write.render_benchmark(out, cfg or benchmark(), runtime(jobs, "sequential"))
    assert (out / "rendered.csv").is_file() and (out / "list.txt").read_text() == "nobody"
    return (out / "mark").exists()


def test_a_benchmark_is_kept_as_long_as_numbers_and_code_are_the_same(bare, tmp_path, monkeypatch):
    assert not rendered_bare(tmp_path / "out")
    assert rendered_bare(tmp_path / "out") and rendered_bare(tmp_path / "out", jobs=2)
    assert not rendered_bare(tmp_path / "out", benchmark(seed=2))
    assert rendered_bare(tmp_path / "out", benchmark(seed=2))
    monkeypatch.setattr(write, "code_id", lambda names: "another")
    assert not rendered_bare(tmp_path / "out", benchmark(seed=2))
    assert "another" in (tmp_path / "out" / write.MARKER).read_text()


def test_without_rendering_the_folder_is_empty_but_for_the_marker(bare, tmp_path):
    rendered_bare(tmp_path / "out")
    for _ in range(2):
        table = write.no_benchmark(tmp_path / "out")
        assert table.empty and table.columns.tolist() == write.COLUMNS
        assert [p.name for p in (tmp_path / "out").iterdir()] == [write.MARKER]
    assert not rendered_bare(tmp_path / "out")


@pytest.mark.parametrize("name", ["thesis.txt", write.TABLE])
def test_a_foreign_folder_is_refused_whatever_its_files_are_called(bare, tmp_path, name):
    (tmp_path / name).write_text("mine")
    for call in (write.no_benchmark, lambda out: write.render_benchmark(out, benchmark(), runtime(1, "sequential"))):
        with pytest.raises(InputError, match="not rendered by ddet"):
            call(tmp_path)
    assert (tmp_path / name).read_text() == "mine"
