"""The choice of faces for people: as many of each kind, no clip twice, and what is hidden is what alpha says."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ddet.errors import InputError
from ddet.prle import people

ALPHAS = (0.0, 0.5, 1.0)


def rows(clips: int = 9) -> pd.DataFrame:
    """Two methods with `clips` clips of two frames each, and as many reals as fakes."""
    kinds = {"Deepfakes": 1, "FaceSwap": 1, "original": 0}
    lines = [
        {"clip_id": f"{m}/{i}", "frame_idx": f, "method": m, "label": y, "group": f"g{i}"}
        for m, y in kinds.items()
        for i in range(clips * (1 if y else 2))
        for f in (0, 1)
    ]
    return pd.DataFrame(lines)


def test_each_kind_is_there_as_often_at_each_alpha():
    chosen = people.choose(rows(), ALPHAS, 3, seed=0)
    counts = chosen.groupby(["method", "alpha"]).size()
    assert counts.loc["Deepfakes"].tolist() == counts.loc["FaceSwap"].tolist() == [3, 3, 3]
    assert counts.loc["original"].tolist() == [6, 6, 6] and chosen["clip_id"].is_unique
    assert sorted(chosen["item"]) == [f"{i:03d}" for i in range(36)]


def test_the_number_of_a_picture_tells_nothing():
    chosen = people.choose(rows(), ALPHAS, 3, seed=0).sort_values("item")
    assert len(set(chosen["method"].head(12))) == 3 and len(set(chosen["alpha"].head(12))) == 3
    assert people.choose(rows(), ALPHAS, 3, seed=1)["clip_id"].tolist() != chosen["clip_id"].tolist()
    pd.testing.assert_frame_equal(people.choose(rows(), ALPHAS, 3, seed=0).sort_values("item"), chosen)


def test_too_few_clips_are_refused():
    with pytest.raises(InputError, match="Deepfakes: 9 clips, 12 are needed"):
        people.choose(rows(), ALPHAS, 4, seed=0)


def test_alpha_hides_the_levels_up_to_it_and_zero_hides_nothing():
    level = np.full((16, 16), np.inf)
    level[:4], level[4:8] = 0.0, 0.5
    images = [np.full((16, 16, 3), 200, np.uint8)] * 3
    made = people.pictures(images, np.stack([level] * 3), np.array([0.0, 0.3, 1.0]))
    dark = [(np.asarray(Image.open(io.BytesIO(p)).convert("L"), int) < 100).mean() for p in made]
    assert dark == [0.0, 0.25, 0.5]


def test_without_maps_the_command_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(people.paths, "RESULTS", tmp_path)
    assert people.main([str(tmp_path / "out")]) == 2
    assert "there are no maps yet; run: dvc repro prle_localisation" in capsys.readouterr().err
