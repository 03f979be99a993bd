"""Clips and crops that a profile would have, by hand."""

import pytest

from ddet import params, paths
from ddet.tools import plan_data

PAPER = params.load(paths.ROOT / "profiles/paper.yaml")
DEFAULT = params.load()


def counted(cfg):
    return plan_data.crops(cfg).set_index("dataset")


def test_crops_of_a_clip():
    assert [plan_data.per_clip(PAPER, name) for name in ("ffpp", "celebdf", "dfdc")] == [10, 14, 30]
    assert plan_data.per_clip(DEFAULT, "celebdf") == DEFAULT.faces.frames


def test_the_last_frame_of_a_rhythm_counts():
    """Every 10th of 17 s x 28 = 476 frames, from the first on: 0, 10, ... 470."""
    faces = PAPER.faces.of("ffpp").model_copy(update={"sampling": "every", "every": 10, "frames": 1000})
    assert plan_data.per_clip(PAPER.model_copy(update={"faces": faces}), "ffpp") == 48


def test_the_paper_s_clips_are_those_of_the_releases():
    table = counted(PAPER)
    assert table["clips"].to_dict() == {"ffpp": 6000, "celebdf": 6529, "dfdc": 1532 + 8000 + 5000, "df1": 5000}
    assert table.loc["dfdc", "crops"] == 14532 * 30 and table.loc["dfdc", "bytes"] > 2 * table.loc["ffpp", "bytes"]
    assert table.loc["ffpp", ["train", "reals"]].tolist() == [4320 * 10, 720 * 10]


def test_all_parts_of_dfdc_where_none_is_named():
    every = PAPER.model_copy(update={"data": PAPER.data.model_copy(update={"dfdc_parts": []})})
    table = counted(every)
    assert table.loc["dfdc", "clips"] == 119154 + 5000 and table.loc["dfdc", "download"] == pytest.approx(9.4 * 51)


def test_what_is_rendered_is_not_downloaded():
    table = counted(DEFAULT)
    assert (table["download"] == 0).all() and table.loc["ffpp", "clips"] == 2 * 84 * 6
