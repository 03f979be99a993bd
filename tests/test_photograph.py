"""A photograph with one face, which comes with scikit-image: detected, cropped, masked, indexed and scored.

It is the real footage that a public clone has; tests/test_real_footage.py adds clips that do not travel.
"""

import json

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from test_real_footage import config
from trees import RUNTIME

from ddet import models, params, paths, score
from ddet.data import crops, faces, landmarks
from ddet.runs.store import RECORD
from ddet.scoring import footage
from ddet.training import learner

PUPILS = np.array([[203.7, 100.3], [246.7, 103.3]])  # px of the photograph, marked by hand in a sixfold enlargement
MOUTH = np.array([[205.0, 140.8], [243.7, 141.3]])  # its corners, likewise
CFG = params.load(paths.ROOT / "profiles" / "smoke.yaml").model_copy(update={"runtime": RUNTIME})
NET = params.Model(name="timm", backbone="test_convnext", size=32, form="released", swin=None, width=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write the photograph as JPEG, and beside it a part of it that shows no face."""
    out, image = tmp_path_factory.mktemp("photograph"), skimage.data.astronaut()
    assert image.shape == (512, 512, 3)
    Image.fromarray(image).save(out / "astronaut.jpg", quality=95)
    Image.fromarray(image[300:, :200]).save(out / "sleeve.png")
    return out


@pytest.fixture(scope="module")
def found(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces")
    clips, root = footage.find(folder, "folder", CFG)
    return clips, out, *faces.extract_faces(clips, root, out, config(scale=1.0, track="all"), RUNTIME, progress=False)


def in_crop(points: np.ndarray, row) -> np.ndarray:
    return (points - [row.x0, row.y0]) * row.size / (row.x1 - row.x0)


def test_the_index_takes_both_pictures_as_clips_of_one_frame(found):
    clips = found[0]
    assert clips["path"].tolist() == ["astronaut.jpg", "sleeve.png"] and set(clips["status"]) == {"ok"}
    assert clips["frames"].tolist() == [1, 1] and clips["width"].tolist() == [512, 200]
    assert set(clips["reason"]) == {""}


def test_one_face_is_found_where_it_is(found):
    _, out, table, rejects = found
    (row,) = table.itertuples()
    assert row.clip_id == found[0]["clip_id"][0] and row.prob > 0.99
    assert (row.box_x0, row.box_y0) < tuple(PUPILS.min(0)) and (row.box_x1, row.box_y1) > tuple(MOUTH.max(0))
    side = row.x1 - row.x0  # a margin of 0.3 about the longer side of the box, nowhere near the edge
    assert side == round(max(row.box_x1 - row.box_x0, row.box_y1 - row.box_y0) * 1.3)
    assert faces.load_crop(out / row.crop).shape == (112, 112, 3) and row.size == 112
    assert rejects["reason"].tolist() == ["no face in any of 1 frames"]


def test_landmarks_are_those_marked_by_hand(found):
    (row,) = found[2].itertuples()
    points = landmarks.landmarks_of(found[2], 112)[0]
    by_hand = in_crop(np.concatenate([PUPILS, MOUTH]), row)
    apart = np.linalg.norm(points[[0, 1, 3, 4]] - by_hand, axis=1) / np.linalg.norm(by_hand[1] - by_hand[0])
    assert (apart < [0.05, 0.05, 0.15, 0.15]).all(), "the detector places a mouth less well than an eye"


def test_the_eyes_lie_inside_the_mask_and_the_mouth_outside(found):
    (row,) = found[2].itertuples()
    mask = landmarks.eyes(landmarks.landmarks_of(found[2], 112), 112)[0]
    for points, hidden in ((PUPILS, True), (MOUTH, False)):
        assert {bool(mask[int(y), int(x)]) for x, y in in_crop(points, row)} == {hidden}
    assert 0.02 < mask.mean() < 0.25
    shown = landmarks.hide(crops.load_crop(found[1] / row.crop), mask)
    assert shown[mask].max() == 0 and shown[~mask].max() > 200


def test_a_folder_is_scored_end_to_end(folder, tmp_path, monkeypatch, capsys):
    torch.manual_seed(1)
    learner.save_weights(models.create(NET), tmp_path / learner.WEIGHTS)
    (tmp_path / RECORD).write_text(json.dumps({"config": {"model": NET.model_dump()}}))
    monkeypatch.setattr(score, "run_of", lambda arm, seed: tmp_path)
    monkeypatch.setattr(params, "load", lambda file: CFG)
    assert score._main([str(folder), "--format", "jsonl"]) == 0
    face, sleeve = map(json.loads, capsys.readouterr().out.splitlines())
    assert (face["clip"], face["faces"], face["reason"]) == ("astronaut.jpg", 1, "") and 0 < face["clip_prob"] < 1
    assert (sleeve["clip"], sleeve["faces"], sleeve["clip_prob"]) == ("sleeve.png", 0, None)
