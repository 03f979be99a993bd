"""The table of what should be there beside what is."""

import pytest
import trees

from ddet.data.expected import expected_vs_found
from ddet.errors import InputError

SPLITS = {"train": [["000", "003"]], "val": [["010", "011"]], "test": [["020", "021"]]}
CELEB = (["id0_0000", "id1_0000"], ["00000"], ["id0_id1_0000"], ["id0_0000", "id0_id1_0000"])


def test_expected_against_found(tmp_path):
    folder = trees.celebdf(tmp_path, *CELEB)
    (folder / "Celeb-real/id0_0000.mp4").unlink()
    cfg = trees.data(tmp_path, "celebdf")
    table = expected_vs_found(trees.manifest(cfg), cfg).set_index(["subset", "split"])
    counts = ["official", "listed", "found", "usable"]
    assert table.loc[("Celeb-real", "test"), counts].tolist() == [108, 1, 0, 0]
    assert table.loc[("Celeb-real", "train"), counts].tolist() == [482, 0, 1, 1]
    assert table.loc[("Celeb-real", "all"), counts].tolist() == [590, 1, 1, 1]
    assert table.loc[("YouTube-real", "all"), "official"] == 300 and table.loc[("YouTube-real", "all"), "found"] == 1
    assert table.loc[("Celeb-synthesis", "all"), counts].tolist() == [5639, 1, 1, 1]
    assert table.xs("test", level="split").official.sum() == 518


def test_expected_counts_of_every_dataset(tmp_path):
    """The published totals, also where nothing of a subset is there; own footage has none."""
    trees.ffpp(tmp_path, SPLITS)
    trees.df1(tmp_path, {"train": ["000_W001"], "test": ["020_W002"]}, variants=trees.VARIANTS[:1])
    trees.dfdc_part(tmp_path / "DFDC/dfdc_train_part_0", {"r.mp4": trees.real()})
    trees.dfdc_part(tmp_path / "DFDC/dfdc_train_part_1", {"f.mp4": trees.fake("r.mp4")}, absent=("f.mp4",))
    trees.touch(tmp_path / "own/real", "a.mp4")
    cfg = trees.data(tmp_path, "ffpp", "dfdc", "df1", "folder")
    table = expected_vs_found(trees.manifest(cfg), cfg).set_index(["dataset", "subset", "label", "split"])
    assert table.official.loc[("ffpp", "FaceShifter", "fake")].to_dict() == {
        "train": 720, "valid": 140, "test": 140, "all": 1000,
    }  # fmt: skip
    assert table.loc[("ffpp", "FaceShifter", "fake", "all"), ["listed", "found"]].tolist() == [0, 0]
    assert table.loc[("ffpp", "real", "real", "all")].tolist() == [1000, 6, 6, 6]
    assert table.loc[("dfdc", "train parts", "fake", "train")].tolist() == [100_000, 1, 0, 0]
    assert table.loc[("dfdc", "train parts", "real", "train")].tolist() == [19154, 1, 1, 1]
    assert table.loc[("dfdc", "test", "real", "all"), "official"] == 2500
    assert table.loc[("df1", trees.VARIANTS[1], "fake", "all")].tolist() == [1000, 2, 0, 0]
    assert table.loc[("df1", "real", "real", "all")].tolist()[1:] == [2, 2, 2]
    assert table.official.isna()[[("df1", "real", "real", "all"), ("folder", "real", "real", "all")]].all()


def test_an_empty_dataset_is_refused(tmp_path):
    (tmp_path / "DFDC").mkdir()
    with pytest.raises(InputError, match="holds no clip of dfdc; fetch it, or take it out of"):
        trees.manifest(trees.data(tmp_path, "dfdc"))
