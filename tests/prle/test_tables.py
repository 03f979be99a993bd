"""PRLE's tables from shares of right scores that are set by hand: what each cell is."""

import numpy as np
import pandas as pd
import pytest
from prle_toys import DETECTORS, FIXED, HIGH, LOW, REPORT, TESTS, Plain, compared, met, scored, section

from ddet import params, paths, published
from ddet.prle import arms as prle_arms
from ddet.prle import tables as prle_tables
from ddet.stats import metrics


@pytest.fixture(scope="module")
def cfg():
    return section(compared())


@pytest.fixture(scope="module")
def paper():
    return params.load(paths.PARAMS).prle


# tables


def test_table_1_by_hand():
    """Of 2 x 2 pixels: 3 and 1 positive on Deepfakes, 2 on FaceSwap; real crops have no column."""
    maps = np.array([[[0.2, 0.7], [0, 0.4]], [[0, 0], [0.3, 0]], [[0.7, 0.7], [0, 0]], [[1, 1], [1, 1]]])
    methods = ["Deepfakes", "Deepfakes", "FaceSwap", "real"]
    rows = pd.DataFrame({"clip_id": list("abcd"), "group": list("abcd"), "method": methods})
    found = prle_tables.table1({"VGG": maps, "none": 0 * maps}, rows, REPORT)
    names = [f"{d}{above}" for above in ("", ", above 0.3", ", above 0.6") for d in ("VGG", "none")]
    assert list(found) == names and list(found["VGG"]) == ["DF", "FS"]
    values = {row: [e.value for e in cells.values()] for row, cells in found.items()}
    assert [values[row] for row in names[::2]] == [[0.5, 0.5], [0.25, 0.5], [0.125, 0.5]]
    assert all(values[row] == [0, 0] for row in names[1::2])
    assert (found["VGG"]["DF"].frames, found["VGG"]["FS"].frames) == (2, 1)


def test_table_2_by_hand(cfg):
    own = {"groups": 10, "frames": 2, "dfdc": 0.7, "df1": 0.9, "celebdf": 0.8, "ffpp": 0.95}
    fits = {name: [met(0.7, groups=10, frames=2)] for d in DETECTORS for name in (d, f"{d} + PRLE")}
    fits["EfficientNet + PRLE"] = [met(0.5, **own)] * 2
    found, keys = prle_tables.table2(cfg, scored(fits))
    assert list(found) == [*DETECTORS, *(f"{d} + PRLE" for d in DETECTORS)]
    others, _ = prle_tables.table2(cfg, scored(fits | {"Needy": [met(0.6, groups=10, frames=2)]}))
    assert list(others) == ["Needy", *found] and others["Needy"]["AVG AUC"].value == pytest.approx(0.6)
    row = {title: e.value for title, e in found["EfficientNet + PRLE"].items()}
    want = {"DFDC": 0.7, "DF-1.0": 0.9, "Celeb-DF": 0.8, "AVG": 0.8}
    expected = {f"{title} {word}": share for title, share in want.items() for word in ("ACC", "ACC at t", "AUC")}
    table = fits["EfficientNet + PRLE"][0]
    parts = [table[table["clip_id"].str.startswith(f"{name}/")] for name in TESTS.values()]
    clips = np.mean([metrics.frame_and_clip(part)["clip_auc"] for part in parts])
    assert row == pytest.approx(expected | {"FF++ AUC": 0.95, "AVG clip AUC": clips})
    assert clips != pytest.approx(0.8) and keys["EfficientNet + PRLE"] == [f"EfficientNet + PRLE {s}" for s in (0, 1)]
    paper = published.load("prle_table2")
    assert set(found) <= set(paper["row"]) and set(expected) - set(paper["column"]) == {
        f"{title} ACC at t" for title in want
    }
    assert set(paper["column"]) - {"AUG"} < set(expected)


def test_table_3_by_hand(cfg):
    """AUC is the mean of what is right of fakes and of reals, for scores of two values."""
    names = [f"{short}: Xception{arm}" for short in ("DF", "FS") for arm in ("", " + PRLE")]
    fits = {name: [met(0.6)] for name in names} | {"DF: Xception + PRLE": [met(0.8, Deepfakes=0.9, FaceSwap=0.7)]}
    found, keys = prle_tables.table3(cfg, scored(fits))
    assert list(found) == names and keys["FS: Xception"] == ["FS: Xception 0"]
    assert {title: e.value for title, e in found["DF: Xception + PRLE"].items()} == pytest.approx(
        {"DF": 0.85, "FS": 0.75, "AVG": 0.8}
    )
    assert found["FS: Xception"]["AVG"].value == pytest.approx(0.6)


def test_tables_name_rows_and_columns_as_the_paper_does(paper):
    cfg = paper.subsets.model_copy(update={"detectors": list(paper.detectors)})
    every = paper.model_copy(update={"subsets": cfg})

    class Names(Plain):
        def over(self, fit, parts, metric):
            return metric

    found, _ = prle_tables.table3(every, Names(dict.fromkeys(prle_arms.fits(every))))
    wide = published.wide("prle_table3")
    assert set(found) == set(wide.index) and {c for row in found.values() for c in row} == set(wide.columns)
    assert list(paper.tests) == ["DFDC", "DF-1.0", "Celeb-DF"]


@pytest.mark.parametrize("name", ["table4", "table5", "table6", "table7"])
def test_rows_are_those_of_the_paper_and_so_is_what_they_are_compared_with(name):
    paper = params.load(paths.ROOT / "profiles" / "paper.yaml").prle  # where all detectors train every arm
    rows, wide = prle_tables.rows_of(paper, name), published.wide(f"prle_{name}")
    assert list(rows) == list(wide.index)
    compared = wide.index[wide["DFDC difference"].notna()]
    assert [row for row, (fit, base) in rows.items() if fit != base] == list(compared)
    assert {fit for pair in rows.values() for fit in pair} <= set(prle_arms.fits(paper))
    assert all(base.endswith(" + PRLE") for _, base in rows.values())


def test_rows_of_the_tables_by_hand(cfg):
    xception = [(f"Xception + {arm}", "Xception + PRLE") for arm in ("PRLE", "Random", "Landmark", LOW, HIGH)]
    table4, table5 = (prle_tables.rows_of(cfg, name) for name in ("table4", "table5"))
    assert [table4[f"Xception + {row}"] for row in ("Primary Region", "Random", "Landmark")] == xception[:3]
    assert [table5[f"Xception + {row}"] for row in ("Neighboring", LOW, HIGH)] == [xception[0], *xception[3:]]
    own = "EfficientNet + PRLE"
    assert prle_tables.rows_of(cfg, "table6") == {"X. + E. + V.": (own, own), "X.": ("EfficientNet + X.", own)}
    fixed = {f"{d} {FIXED}": (f"{d} + {FIXED}", f"{d} + PRLE") for d in ("EfficientNet", "ResNet-50")}
    both = {d: (f"{d} + PRLE", f"{d} + PRLE") for d in ("EfficientNet", "ResNet-50")}
    assert prle_tables.rows_of(cfg, "table7") == both | fixed


def test_arms_that_were_left_out_have_no_rows():
    cfg = section()
    assert list(prle_tables.rows_of(cfg, "table4")) == [f"{d} + Primary Region" for d in DETECTORS]
    assert list(prle_tables.rows_of(cfg, "table6")) == ["X. + E. + V."] and not prle_tables.rows_of(cfg, "table7")


def test_differences_by_hand(cfg):
    fits = {"a": [met(0.7, dfdc=0.6), met(0.7, 1, dfdc=0.5)], "b": [met(0.8), met(0.9, 1)]}
    rows = {"own": ("b", "b"), "other": ("a", "b")}
    found, keys = prle_tables.against(cfg, scored(fits), rows)
    assert list(found["own"]) == [*TESTS, "AVG"] and keys == {"own": ["b 0", "b 1"], "other": ["a 0", "a 1"]}
    assert [e.value for e in found["own"].values()] == pytest.approx([0.85] * 4)
    other = {title: e.value for title, e in found["other"].items()}
    values = {"DFDC": 0.55, "DF-1.0": 0.7, "Celeb-DF": 0.7, "AVG": 0.65}
    assert other == pytest.approx(values | {f"{title} difference": v - 0.85 for title, v in values.items()})
    assert found["other"]["DFDC difference"].per_seed == pytest.approx((-0.2, -0.4))


def test_columns_are_percent_under_their_own_titles():
    assert [(c.title, c.metric, c.scale) for c in prle_tables.columns(["a", "b"])] == [("a", "a", 100), ("b", "b", 100)]


# attention on the forgery


def test_attention_on_the_forgery_by_hand():
    """Two fakes of 2 x 2 pixels with their upper row forged: half the attention on it, and all of it."""
    maps = np.array([[[0.5, 0], [0.5, 0]], [[1, 1], [0, 0]]])
    forged = np.array([[[1, 1], [0, 0]]] * 2, bool)
    rows = pd.DataFrame({"clip_id": ["a", "b"], "group": ["a", "b"]})
    table = prle_tables.on_forgery({"VGG": maps, "even": np.ones_like(maps)}, forged, rows, REPORT).set_index("maps of")
    line = table.loc["VGG"]
    shares = [line[name] for name in ("inside", "pointing", "iou", "area")]
    assert shares == pytest.approx([0.75, 1, (1 / 3 + 1) / 2, 0.5])
    assert line["inside - area"] == pytest.approx(0.25) and line["low"] <= 0.25 <= line["high"] and line["crops"] == 2
    assert table.loc["even", "inside - area"] == 0
    blind = prle_tables.on_forgery({"blind": 0 * maps, "VGG": maps}, forged, rows, REPORT).set_index("maps of")
    pd.testing.assert_series_equal(blind.loc["VGG"].astype(float), line.astype(float))
    assert blind.loc["blind"].drop("crops").isna().all() and blind["crops"].tolist() == [0, 2]
    assert list(blind) == list(table), "a detector that attends to nothing has a line without numbers"


def test_table_2_keeps_accuracy_and_auc_apart(cfg):
    """All fakes are above all reals, and all are called fake: AUC 1, accuracy one half."""
    sure = met(1.0)
    table = sure.assign(prob_fake=0.6 + 0.2 * sure["label"])
    found, _ = prle_tables.table2(cfg, scored({name: [table] for d in DETECTORS for name in (d, f"{d} + PRLE")}))
    row = {title: e.value for title, e in found["Xception"].items()}
    assert [row[f"{title} ACC"] for title in (*TESTS, "AVG")] == pytest.approx([0.5] * 4)
    assert [row[f"{title} AUC"] for title in (*TESTS, "AVG")] == pytest.approx([1.0] * 4)
