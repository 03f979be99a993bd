"""PRLE's tables and claims from shares of right scores that are set by hand: what each cell and each sign is."""

import math

import numpy as np
import pandas as pd
import pytest
from prle_toys import DETECTORS, FIVE, FIXED, HIGH, LOW, REPORT, TESTS, compared, met, scored, section

from ddet import params, paths, published
from ddet.prle import arms as prle_arms
from ddet.prle import tables as prle_tables
from ddet.stats import metrics
from ddet.stats.bootstrap import Estimate
from ddet.stats.verdicts import RESULT, stated

SHARES = {"backbone": 0.6, "PRLE": 0.85, "Random": 0.6, "Landmark": 0.7, LOW: 0.75, HIGH: 0.65, "X.": 0.7, FIVE: 0.8}
SHARES |= {FIXED: 0.7}
DF1 = {"EfficientNet": 0.5, "EfficientNet + PRLE": 1.0}  # on which it gains twice as much as elsewhere
EFFECTS = {  # of SHARES, by hand: of a claim on every cell the least
    "prle-average": (0.25 + (0.25 + 0.25 + 0.5) / 3 + 0.25) / 3,
    "prle-acc-all": 0.25,
    "prle-unseen-backbones": 0.25,
    "prle-over-random": 0.25,
    "prle-over-landmark": 0.15,
    "prle-fusion": 0.1,
    "prle-landmark-random": 0.1,
    "prle-low-high": 0.1,
    "prle-three-one": (0.85 + 0.85 + 1.0) / 3 - 0.7,
    "prle-dynamic": 0.15,
    "prle-detectors": 0.1,
    "prle-effnet-df1": 0.5 - 0.25,
    "prle-subsets": 0.25,
    "prle-one-subset": 0.25,
}
EVERYWHERE = {"prle-average", "prle-acc-all"}
ABLATED = {"prle-over-random", "prle-over-landmark", "prle-fusion", "prle-dynamic"}
ALONE = {"prle-subsets", "prle-one-subset"}


@pytest.fixture(scope="module")
def cfg():
    return section(compared())


@pytest.fixture(scope="module")
def paper():
    return params.load(paths.PARAMS).prle


def shares(cfg: params.Prle, turned: bool = False) -> dict[str, dict[str, float]]:
    """Return fit -> share of right scores, `right` and on DF-1.0; turned: what the paper calls better is worse."""
    found = {}
    for name in prle_arms.fits(cfg):
        plain = name.split(": ")[-1]
        own = {"right": SHARES[plain.partition(" + ")[2] or "backbone"]}
        own |= {"df1": DF1[name]} if name in DF1 else {}
        found[name] = {part: round(1.45 - share, 2) if turned else share for part, share in own.items()}
    return found


class Plain:
    """Stand in for `Scored`: every metric of a fit on a part is its share, known for certain."""

    cfg = REPORT

    def __init__(self, shares: dict[str, dict[str, float]], metrics: tuple[str, ...] = ()):
        self.shares, self.metrics = shares, metrics
        self.done = pd.DataFrame({"arm": list(shares), "key": [f"{fit} 0" for fit in shares]})

    def has(self, *fits: str) -> bool:
        return set(fits) <= set(self.shares)

    def gain(self, pairs, parts, metric) -> Estimate:
        n = len(parts)
        return self.contrast([[(s / n, f, p) for s, f in ((1, a), (-1, b)) for p in parts] for a, b in pairs], metric)

    def contrast(self, units, metric) -> Estimate:
        each = [sum(w * self.shares[f].get(p, self.shares[f]["right"]) for w, f, p in unit) for unit in units]
        mean = np.mean(each) if not self.metrics or metric in self.metrics else math.nan
        return Estimate(mean, mean - 0.01, mean + 0.01, 0.0, (mean, mean), 9, 9, 20, 100, 0, False)


def effects(cfg: params.Prle, shares: dict[str, dict[str, float]], *metrics: str) -> dict[str, float]:
    return prle_tables.judge(cfg, Plain(shares, metrics), "d").set_index("claim_id")["effect"].to_dict()


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
    paper = params.load(paths.ROOT / "profiles" / "study.yaml").prle  # where all detectors train every arm
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


# claims


@pytest.mark.parametrize(("turned", "said"), [(False, "holds"), (True, "fails")])
def test_signs_are_in_the_sense_of_the_claims(cfg, turned, said):
    """Each arm is as the paper has it, and then the other way round."""
    fits = {name: [met(**share)] * 2 for name, share in shares(cfg, turned).items()}
    table = prle_tables.judge(cfg, scored(fits), "d")
    assert list(table.columns) == RESULT and table["claim_id"].is_unique
    by_claim = table.set_index("claim_id")
    assert set(by_claim.index) == set(EFFECTS) and set(EFFECTS) <= set(published.facts("claims")["id"])
    assert by_claim["verdict"].to_dict() == dict.fromkeys(EFFECTS, said)
    if not turned:
        assert by_claim["effect"].to_dict() == pytest.approx(EFFECTS)
    runs = [f"EfficientNet + {zoo} {seed}" for zoo in (FIVE, "X.") for seed in (0, 1)]
    assert by_claim.loc["prle-detectors", "runs"] == " ".join(runs)


def test_claims_are_judged_by_the_metric_that_they_name(cfg):
    found = effects(cfg, shares(cfg), "frame_auc")
    assert found | {"prle-acc-all": 0} == pytest.approx(EFFECTS | {"prle-acc-all": 0})
    assert {claim: math.isnan(effect) for claim, effect in found.items()} == {
        claim: stated(claim)["metric"] != "frame_auc" for claim in EFFECTS
    }
    assert effects(cfg, shares(cfg), "frame_accuracy")["prle-acc-all"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("fit", "part", "claims"),
    [
        ("Xception", "right", EVERYWHERE),
        ("ResNet-50", "right", EVERYWHERE | {"prle-unseen-backbones"}),
        ("Xception + PRLE", "right", EVERYWHERE | ABLATED - {"prle-dynamic"}),
        ("ResNet-50 + PRLE", "right", EVERYWHERE | ABLATED | {"prle-unseen-backbones"}),
        ("EfficientNet + PRLE", "df1", EVERYWHERE | ABLATED | {"prle-three-one", "prle-effnet-df1"}),
        ("EfficientNet", "dfdc", EVERYWHERE | {"prle-effnet-df1"}),
        ("EfficientNet + PRLE", "ffpp", set()),
        ("Xception + Random", "right", {"prle-over-random", "prle-landmark-random"}),
        ("ResNet-50 + Landmark", "right", {"prle-over-landmark", "prle-landmark-random"}),
        (f"EfficientNet + {LOW}", "right", {"prle-fusion", "prle-low-high"}),
        (f"Xception + {HIGH}", "right", {"prle-fusion", "prle-low-high"}),
        ("EfficientNet + X.", "right", {"prle-three-one", "prle-detectors"}),
        (f"EfficientNet + {FIVE}", "right", {"prle-detectors"}),
        (f"ResNet-50 + {FIXED}", "right", {"prle-dynamic"}),
        ("DF: Xception + PRLE", "right", ALONE),
        ("FS: Xception", "right", ALONE),
        ("DF: Xception + PRLE", "dfdc", {"prle-one-subset"}),
        ("DF: Xception + PRLE", "FaceSwap", {"prle-subsets"}),
        ("DF: Xception + PRLE", "Deepfakes", set()),
        ("DF: EfficientNet", "right", set()),
    ],
)
def test_a_fit_moves_the_claims_that_it_stands_in_and_no_others(cfg, fit, part, claims):
    before, moved = effects(cfg, shares(cfg)), set()
    for by in (-0.9, 0.9):  # the weakest cell may be another one in either direction
        given = shares(cfg)
        given[fit][part] = given[fit].get(part, given[fit]["right"]) + by
        after = effects(cfg, given)
        moved |= {claim for claim, effect in after.items() if effect != pytest.approx(before[claim])}
    assert moved == claims


def test_the_weakest_cell_decides_and_is_named(cfg):
    given = shares(cfg)
    given["ResNet-50 + Landmark"] = {"right": 0.9}
    table = prle_tables.judge(cfg, Plain(given), "toys").set_index("claim_id")
    line = table.loc["prle-over-landmark"]
    assert (line["effect"], line["verdict"]) == (pytest.approx(-0.05), "fails")
    assert line["data"] == "toys, the weakest of 3: ResNet-50 + PRLE"
    assert line["runs"] == "ResNet-50 + PRLE 0 ResNet-50 + Landmark 0"
    mean = table.loc["prle-landmark-random"]
    assert mean["effect"] == pytest.approx((0.1 + 0.1 + 0.3) / 3) and mean["data"] == "toys"


def test_more_detectors_must_help_every_detector_that_was_given_them():
    both = {"detectors": ["Xception", "EfficientNet"]}
    more = section(compared() | {n: compared()[n].model_copy(update=both) for n in ("X.", FIVE)})
    given = shares(more) | {f"Xception + {FIVE}": {"right": 0.65}}
    line = prle_tables.judge(more, Plain(given), "toys").set_index("claim_id").loc["prle-detectors"]
    assert (line["effect"], line["verdict"]) == (pytest.approx(0.65 - 0.7), "fails")
    assert line["data"] == f"toys, the weakest of 2: Xception + {FIVE}"


def test_a_claim_on_one_method_needs_a_fit_of_it(cfg):
    some = cfg.subsets.model_copy(update={"methods": ["Face2Face", "NeuralTextures"]})
    other = cfg.model_copy(update={"subsets": some})
    found = effects(other, shares(other))
    assert "prle-one-subset" not in found and found["prle-subsets"] == pytest.approx(0.25)
    assert "prle-one-subset" in effects(cfg, shares(cfg))


def covering(*shares: float, n: int = 12) -> dict[str, np.ndarray]:
    """Make maps whose first pixels are positive, the given share of 10 x 10."""
    maps = {f"d{at}": np.zeros((n, 100), np.float16) for at in range(len(shares))}
    for one, share in zip(maps.values(), shares, strict=True):
        one[:, : round(100 * share)] = 0.001
    return {name: one.reshape(n, 10, 10) for name, one in maps.items()}


@pytest.mark.parametrize(
    ("covered", "effect", "said"),
    [((0.1, 0.1), 0.1, "holds"), ((0.35, 0.35), -0.15, "fails"), ((0.1, 0.2), 0.05, "undecided")],
)
def test_regions_are_small_below_a_fifth(covered, effect, said):
    rows = pd.DataFrame({"clip_id": [f"c{i}" for i in range(12)], "group": [f"g{i}" for i in range(12)]})
    (line,) = prle_tables.judge_small(covering(*covered), rows, ["k1", "k2"], REPORT, "d").to_dict("records")
    assert line["effect"] == pytest.approx(effect) and (line["verdict"], line["n"]) == (said, 12)
    assert (line["claim_id"], line["runs"], line["data"]) == ("prle-small-regions", "k1 k2", "d")
    assert stated(line["claim_id"])["stated"] == "under 20 %" and prle_tables.LITTLE == 0.2


@pytest.mark.parametrize(
    ("training", "effect", "said"),
    [([0.99, 0.99], 0.02, "holds"), ([0.9, 0.9], -0.07, "fails"), ([0.98, 0.9], -0.03, "undecided")],
)
def test_the_method_is_cheap_above_97_percent_of_the_throughput(training, effect, said):
    speed = pd.DataFrame({"training": training, "inference": [1.0, 1.0]}, index=["Xception", "ResNet-50"])
    (line,) = prle_tables.judge_time(speed, REPORT, "d").to_dict("records")
    assert line["effect"] == pytest.approx(effect) and line["verdict"] == said
    assert (line["claim_id"], stated(line["claim_id"])["stated"]) == ("prle-time", "under 3 %")


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
