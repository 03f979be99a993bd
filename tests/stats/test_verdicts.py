"""Claims put to the test: the rule by hand-made intervals, and a difference that was planted."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ddet import params, published
from ddet.audit import ledger
from ddet.errors import InputError
from ddet.stats import metrics, verdicts
from ddet.stats.interval import Estimate, completed
from ddet.stats.premise import Premise

CFG = params.Report(bootstrap=200, confidence=0.9, seed=5)
F1, ACC = "herd-aug-f1", "herd-aug-acc"  # more in NA than in Base


def estimate(low: float, high: float, few: bool = False) -> Estimate:
    """Return an estimate of two seeds that agree."""
    value = (low + high) / 2
    return Estimate(value, low, high, 0.0, (value, value), 9, 9, 9, 200, 0, few, seed_sd=0.0, seed_df=1)


def noisy(per_seed: tuple[float, ...], confidence: float = 0.95) -> Estimate:
    """Return an estimate whose seeds vary and whose people do not."""
    spread, n = float(np.std(per_seed, ddof=1)), len(per_seed)
    made = estimate(0.0, 0.0)
    of_seeds = {"value": float(np.mean(per_seed)), "per_seed": per_seed, "spread": spread, "seed_sd": spread}
    return completed(dataclasses.replace(made, **of_seeds, people=0.0, seed_df=n - 1, confidence=confidence))


@pytest.mark.parametrize(
    ("low", "high", "few", "said"),
    [
        (0.01, 0.2, False, "holds"),
        (-0.2, -0.01, False, "fails"),
        (-0.1, 0.2, False, "undecided"),
        (0.0, 0.2, False, "undecided"),
        (-0.2, 0.0, False, "undecided"),
        (0.01, 0.2, True, "undecided"),
        (-0.2, -0.01, True, "undecided"),
        (float("nan"), float("nan"), False, "undecided"),
        (float("nan"), -0.1, False, "undecided"),
    ],
)
def test_the_whole_interval_decides(low, high, few, said):
    assert verdicts.verdict(estimate(low, high, few)) == said
    assert said in verdicts.VERDICTS


def scored(right: float, groups: int = 20, seed: int = 0) -> pd.DataFrame:
    """Invent predictions, one clip of three frames of each label a group, right with the given probability."""
    rng = np.random.default_rng(seed)
    rows = [(f"d/m/-/{g}{y}", f, 0, f"g{g:02d}", y) for g in range(groups) for y in (0, 1) for f in range(3)]
    table = pd.DataFrame(rows, columns=[*metrics.ROW, "group", "label"])
    hit = rng.random(len(table)) < right
    return table.assign(prob_fake=np.where(hit, table["label"] * 0.8 + 0.1, 0.9 - table["label"] * 0.8))


@pytest.fixture
def no_premise(monkeypatch):
    """Let every claim be testable, so that the rule can be seen on arms that have learnt little."""
    monkeypatch.setattr(verdicts.premise, "measured", lambda *_: [])


def judged(na: float, base: float, ids=(F1, ACC), **kwargs) -> pd.DataFrame:
    preds = {arm: [scored(p, seed=s, **kwargs) for s in (0, 1)] for arm, p in {"NA": na, "Base": base}.items()}
    return verdicts.judge(ids, preds, {"NA": ["k1", "k2"], "Base": ["k3", "k4"]}, CFG, "invented")


@pytest.mark.parametrize(("na", "base", "said"), [(0.95, 0.6, "holds"), (0.6, 0.95, "fails"), (0.8, 0.8, "undecided")])
def test_a_planted_difference_is_found_with_its_sign(na, base, said, no_premise):
    table = judged(na, base)
    assert table.columns.tolist() == verdicts.RESULT and table["claim_id"].tolist() == [F1, ACC]
    assert table["verdict"].tolist() == [said] * 2
    by_hand = [metrics.frame_and_clip(scored(p, seed=s))["frame_accuracy"] for p in (na, base) for s in (0, 1)]
    assert table["effect"][1] == pytest.approx(np.mean(by_hand[:2]) - np.mean(by_hand[2:]))
    assert (table["lo"] <= table["effect"]).all() and (table["effect"] <= table["hi"]).all()


def test_a_line_names_its_runs_its_data_and_its_crops():
    line = judged(0.9, 0.6).iloc[0]
    assert (line["runs"], line["data"], line["n"]) == ("k1 k2 k3 k4", "invented", 120)
    each = [float(effect) for effect in line["per seed"].split()]
    assert len(each) == line["seeds"] == 2 and np.mean(each) == pytest.approx(line["effect"], abs=1e-6)


def test_few_groups_decide_nothing(no_premise):
    table = judged(1.0, 0.3, groups=9)
    assert (table["lo"] > 0).all() and (table["verdict"] == "undecided").all()


def test_the_ledger_takes_what_is_judged(tmp_path, no_premise):
    judged(0.9, 0.6).to_csv(tmp_path / "claims_herd.csv", index=False)
    read = ledger.read_results(tmp_path, published.facts("claims"))
    assert read["claim_id"].tolist() == [F1, ACC] and read["verdict"].tolist() == ["holds"] * 2


def test_no_claim_gives_an_empty_ledger_with_its_columns():
    assert judged(0.9, 0.6, ids=()).columns.tolist() == verdicts.RESULT


def test_an_unknown_claim_is_one_line():
    with pytest.raises(InputError, match=r"^herd-nonsense: no such claim") as e:
        judged(0.9, 0.6, ids=("herd-nonsense",))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("ids", [("herd-rf-f1", F1), (F1, "herd-rf-f1")])
def test_a_claim_of_an_arm_that_was_not_run_gets_no_line(ids, no_premise):
    assert judged(0.9, 0.6, ids=ids)["claim_id"].tolist() == [F1]
    assert judged(0.9, 0.6, ids=("herd-rf-f1",)).columns.tolist() == verdicts.RESULT


@pytest.mark.parametrize(("per_seed", "said"), [((0.09, 0.1, 0.11), "holds"), ((0.0, 0.1, 0.2), "undecided")])
def test_a_difference_within_the_noise_of_seeds_decides_nothing(per_seed, said):
    """By hand: t(2, .975) = 4.303; 4.303 x .01 / sqrt 3 = .025 < .1, and 4.303 x .1 / sqrt 3 = .25 > .1."""
    assert verdicts.verdict(noisy(per_seed)) == said


def test_a_single_seed_decides_nothing(no_premise):
    na, base = ([scored(p)] for p in (0.95, 0.3))
    table = verdicts.judge([F1], {"NA": na, "Base": base}, {"NA": ["k1"], "Base": ["k2"]}, CFG, "invented")
    assert table["verdict"].tolist() == ["undecided"] and table["effect"][0] > 0.4 and table["lo"].isna().all()


# claims that something is not better


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (-0.005, 0.02, "holds"),
        (-0.009, -0.001, "holds"),  # worse for certain, but by less than a point
        (0.01, 0.2, "holds"),
        (-0.01, 0.02, "undecided"),  # the margin itself is too much
        (-0.02, 0.02, "undecided"),
        (-0.03, -0.005, "fails"),
        (float("nan"), float("nan"), "undecided"),
    ],
)
def test_not_better_holds_where_the_loss_stays_below_a_point(low, high, said):
    assert verdicts.NEGLIGIBLE == 0.01
    assert verdicts.verdict(estimate(low, high), margin=0.01) == said
    assert verdicts.verdict(estimate(low, high, few=True), margin=0.01) == "undecided"


@pytest.mark.parametrize(("noise", "said"), [(0.005, "holds"), (0.007, "undecided")])
def test_not_better_has_to_hold_over_seeds_as_well(noise, said):
    """By hand, of three seeds about .004: .004 - 4.303 x .005 / sqrt 3 = -.0084, with .007 it is -.0134."""
    assert verdicts.verdict(noisy((0.004 - noise, 0.004, 0.004 + noise)), margin=0.01) == said


def test_a_line_gives_a_margin_only_to_the_claim_that_is_stated_so():
    found = estimate(-0.005, 0.02)
    said = {claim: verdicts.line(claim, found, ["k1", "k2"], CFG, "invented").iloc[0] for claim in ("herd-rst", F1)}
    assert {claim: line["verdict"] for claim, line in said.items()} == {"herd-rst": "holds", F1: "undecided"}
    told = said["herd-rst"][verdicts.TOLD].tolist()
    assert told == ["herd-rst", 0.0075, -0.005, 0.02, 9, "k1 k2", "holds", "invented"]
    assert said["herd-rst"].index.tolist() == verdicts.RESULT


# sizes, premises, and what could have been seen

# herd-mep-f1 states .010, which is .0095 to .0105; herd-wl-f1 states .0164 and .0446.


@pytest.mark.parametrize(
    ("claim", "low", "high", "size"),
    [
        ("herd-mep-f1", 0.0, 0.02, "compatible"),
        ("herd-mep-f1", 0.0104, 0.03, "compatible"),
        ("herd-mep-f1", 0.011, 0.03, "larger"),
        ("herd-mep-f1", -0.02, 0.009, "smaller"),
        ("herd-wl-f1", 0.02, 0.03, "compatible"),
        ("herd-wl-f1", 0.045, 0.05, "larger"),
        ("herd-wl-f1", 0.01, 0.016, "smaller"),
        ("herd-wl-f1", float("nan"), float("nan"), "not measured"),
        ("herd-rf-na", 0.02, 0.03, "not stated"),
    ],
)
def test_the_size_is_judged_by_the_whole_interval(claim, low, high, size):
    line = verdicts.line(claim, estimate(low, high), ["k"], CFG, "invented").iloc[0]
    assert line["size"] == size and size in verdicts.SIZES
    few = verdicts.line(claim, estimate(low, high, few=True), ["k"], CFG, "invented").iloc[0]
    assert few["size"] == ("not stated" if size == "not stated" else "not measured")


def test_a_stated_level_is_compared_with_the_level():
    """An accuracy of 85 % is not a gain of 85 points over the commoner class."""
    gain, level = estimate(0.02, 0.06), estimate(0.65, 0.7)
    lines = [verdicts.line("asrid-85", gain, ["k"], CFG, "d", level=e).iloc[0] for e in (None, level)]
    assert [(line["verdict"], line["size"]) for line in lines] == [("holds", "not measured"), ("holds", "smaller")]


def test_a_line_holds_people_seeds_and_the_effect_that_could_have_been_seen():
    gain = noisy((0.09, 0.1, 0.11), confidence=0.9)
    line = verdicts.line(F1, gain, ["k"], CFG, "invented").iloc[0]
    # By hand: (t(2, .95) + t(2, .8)) x .01 / sqrt 3 = (2.9200 + 1.0607) x .005774.
    assert line["detectable"] == pytest.approx(0.022983, abs=1e-5)
    assert line["p"] == pytest.approx(2 * stats.t.sf(0.1 / (0.01 / np.sqrt(3)), 2))
    assert (line["people"], line["seeds"], line["premise"]) == (9, 3, "")


def test_the_p_of_not_better_is_that_of_the_margin():
    gain = noisy((-0.001, 0.0, 0.001))
    p = [verdicts.line(claim, gain, ["k"], CFG, "d")["p"][0] for claim in ("herd-rst", F1)]
    assert p == [pytest.approx(2 * stats.t.sf(0.01 / (0.001 / np.sqrt(3)), 2)), 1]


def test_an_unmet_premise_makes_a_claim_not_testable_and_is_named():
    unmet, met = Premise("frame AUC of Base", 0.6, least=0.9), Premise("area", 0.1, most=0.3)
    line = verdicts.line(F1, estimate(0.1, 0.2), ["k"], CFG, "d", premises=[met, unmet]).iloc[0]
    assert (line["verdict"], line["size"], line["lo"]) == ("not testable here", "not measured", 0.1)
    assert line["premise"].startswith("frame AUC of Base 0.600, needed: at least 0.9; area 0.100, as needed")
    assert verdicts.line(F1, estimate(0.1, 0.2), ["k"], CFG, "d", premises=[met])["verdict"][0] == "holds"


def test_judge_measures_the_premise_that_the_claim_states():
    line = judged(0.95, 0.6).iloc[0]  # frames are right at random, so the AUC of Base is about .6
    assert line["verdict"] == "not testable here" and line["premise"].startswith("frame_auc of Base 0.")


def test_what_is_stated_is_the_line_of_the_list():
    listed = published.facts("claims").set_index("id")
    for claim in ("herd-rst", "herd-real-worse"):
        assert verdicts.stated(claim).to_dict() == listed.loc[claim].to_dict()
    assert (verdicts.stated("herd-rst")["stated"], verdicts.stated("herd-rst")["arm_b"]) == ("not better", "RST")


@pytest.mark.parametrize("call", [verdicts.stated, lambda claim: verdicts.line(claim, estimate(0, 1), [], CFG, "d")])
def test_a_claim_that_is_not_listed_is_one_line(call):
    with pytest.raises(InputError, match=r"^herd-nonsense: no such claim; use an id of data/published/claims\.csv$"):
        call("herd-nonsense")


# claims of one arm

WORSE = "herd-real-worse"  # frame_error_gap of Base


def biased(real_wrong: float, fake_wrong: float, groups: int = 20) -> pd.DataFrame:
    """Invent predictions of 20 frames a group and label, of which shares are wrong; the wrong frames move along."""
    rows = [
        (f"d/m/-/{g}{y}", f, 0, f"g{g:02d}", y, (1 - y if (f + g) % 20 < 20 * wrong else y) * 0.8 + 0.1)
        for g in range(groups)
        for y, wrong in enumerate((real_wrong, fake_wrong))
        for f in range(20)
    ]
    return pd.DataFrame(rows, columns=[*metrics.ROW, "group", "label", "prob_fake"])


@pytest.mark.parametrize(("wrong", "said"), [((0.4, 0.1), "holds"), ((0.1, 0.4), "fails"), ((0.25, 0.25), "undecided")])
def test_a_claim_of_one_arm_says_that_its_metric_is_positive(wrong, said, no_premise):
    """By hand: of the reals 40 % are called fake, of the fakes 10 % real, so the gap is .3."""
    preds, keys = {"Base": [biased(*wrong)] * 2, "NA": [biased(0, 0)]}, {"Base": ["k1", "k2"], "NA": ["k3"]}
    (line,) = verdicts.judge([WORSE], preds, keys, CFG, "invented").to_dict("records")
    assert line["effect"] == pytest.approx(wrong[0] - wrong[1], abs=1e-12)
    assert (line["verdict"], line["runs"], line["n"]) == (said, "k1 k2", 800)
    assert line["lo"] <= line["effect"] + 1e-12 and line["effect"] <= line["hi"] + 1e-12


def test_a_claim_of_one_arm_needs_that_arm():
    assert verdicts.judge([WORSE], {"NA": [biased(0, 0)]}, {"NA": ["k"]}, CFG, "invented").empty


# differences and how they read


@pytest.mark.parametrize(
    ("low", "high", "few", "word"),
    [(0.01, 0.2, False, "more"), (-0.2, -0.01, False, "less"), (-0.1, 0.2, False, "undecided"),
     (0.01, 0.2, True, "undecided")],
)  # fmt: skip
def test_a_reading_puts_the_verdict_s_sign_into_words(low, high, few, word):
    value = (low + high) / 2
    assert verdicts.reading(estimate(low, high, few), 0.95) == [value, low, high, 0.0, word]


def test_a_reading_holds_the_noise_of_seeds_by_hand():
    """Half width of Student's interval of (.09, .10, .11): t(2, .975) x .01 / sqrt 3 = 4.3027 x .0058 = .0248."""
    gain = noisy((0.09, 0.1, 0.11))
    *_, noise, word = verdicts.reading(gain, 0.95)
    assert (noise, word) == (pytest.approx(0.024841, abs=1e-6), "more")
    assert verdicts.reading(gain, 0.9)[3] == pytest.approx(2.919986 * 0.01 / np.sqrt(3), abs=1e-6)


def test_differences_stand_pair_by_pair_and_metric_by_metric():
    preds = {"a": [biased(0.1, 0.1), biased(0.2, 0.2)], "b": [biased(0.4, 0.1)] * 2}
    names = ["frame_accuracy", "frame_error_gap"]
    table = verdicts.differences([("a", "b"), ("b", "a"), ("a", "a")], preds, names, CFG)
    assert list(table.columns) == ["difference", "metric", *verdicts.READING]
    assert table["difference"].tolist() == ["a - b"] * 2 + ["b - a"] * 2 + ["a - a"] * 2
    assert table["metric"].tolist() == names * 3
    # Accuracy .85 against .75, the seeds .15 and .05 apart from it; gap 0 against .3 in both seeds.
    assert table["effect"].tolist() == pytest.approx([0.1, -0.3, -0.1, 0.3, 0, 0], abs=1e-12)
    noise = 6.313752 * np.std([0.15, 0.05], ddof=1) / np.sqrt(2)
    assert table["seed noise"].tolist() == pytest.approx([noise, 0, noise, 0, 0, 0], abs=1e-6)
    assert table["reading"].tolist() == ["undecided", "less", "undecided", "more", "undecided", "undecided"]
    assert table["low"][0] == pytest.approx(-table["high"][2]) and (table["low"] <= table["effect"] + 1e-12).all()


def test_differences_at_the_threshold_of_valid_are_those_of_each_arm_s_own():
    """Halved scores rank as they did: at .5 the arm finds fewer fakes, at the threshold of its valid as many."""
    b = [biased(0.4, 0.1)] * 2
    preds = {"a": [p.assign(prob_fake=p["prob_fake"] / 2) for p in b], "b": b}
    names = ["frame_accuracy", "frame_accuracy_at_valid_threshold"]
    table = verdicts.differences([("a", "b")], preds, names, CFG, preds)
    assert table["effect"][0] < -0.1 and table["effect"][1] == 0


def test_no_pair_gives_an_empty_table_with_its_columns():
    assert list(verdicts.differences([], {}, ["frame_auc"], CFG).columns) == ["difference", "metric", *verdicts.READING]


def test_lines_that_were_written_are_read_as_numbers_and_words(tmp_path):
    """One line lacks its interval, which must not turn the column into words; an arm may be called NA."""
    ledger = pd.DataFrame([["a", 0.1, 0.05, 0.15, 9, "k", "holds", "NA"], ["b", 0.2, np.nan, np.nan, 9, "", "", ""]])
    ledger.columns = verdicts.TOLD
    ledger.assign(**dict.fromkeys(verdicts.MORE, "")).to_csv(tmp_path / "claims.csv", index=False)
    found = verdicts.read(tmp_path / "claims.csv")
    assert found["lo"].tolist()[0] == 0.05 and np.isnan(found["lo"][1]) and found["data"].tolist() == ["NA", ""]
    assert all(np.issubdtype(found[name].dtype, np.number) for name in verdicts.NUMBERS)
