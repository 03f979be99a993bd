"""Scores on several test sets: against the estimates of one set, a slow plain bootstrap, and by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prle_toys import REPORT, met, scored
from sklearn.metrics import roc_auc_score

from ddet.errors import InputError
from ddet.prle.scores import Scored, weakest
from ddet.stats import bootstrap, metrics
from ddet.training.common import PREDICTIONS, VALID

METRICS = ("frame_auc", "frame_accuracy", "clip_auc", "clip_log_loss")
ONE = {"frames": 3, "sources": ["celebdf"]}
SETS = ["celebdf", "dfdc"]


def like(found: bootstrap.Estimate, other: bootstrap.Estimate) -> bool:
    one, two = (vars(e) | {f"seed {n}": value for n, value in enumerate(e.per_seed)} for e in (found, other))
    apart = {"per_seed": 0, "limits": 0}
    return found.limits == other.limits and one | apart == pytest.approx(two | apart, nan_ok=True)


def several(*shares: float, **said) -> list[pd.DataFrame]:
    return [met(share, seed, **said) for seed, share in enumerate(shares)]


@pytest.mark.parametrize("metric", METRICS)
def test_of_one_part_it_is_the_estimate_over_seeds(metric):
    tables = several(0.6, 0.7, 0.9, **ONE)
    found = scored({"a": tables}).over("a", ["celebdf"], metric)
    assert like(found, bootstrap.over_seeds(tables, REPORT)[metric]) and found.spread > 0


def test_of_detectors_that_are_given_the_interval_is_over_people_alone():
    tables = several(0.7, **ONE)
    fits = {"a": tables, "b": several(0.9, **ONE)}
    found, unknown = (Scored(pd.DataFrame(columns=["arm"]), REPORT, fits, given=g) for g in (True, False))
    one = found.over("a", ["celebdf"], "frame_auc")
    assert like(one, bootstrap.over_seeds(tables, REPORT, given=True)["frame_auc"]) and one.low < one.high
    assert found.gain([("b", "a")], ["celebdf"], "frame_auc").low > -1
    assert np.isnan(unknown.over("a", ["celebdf"], "frame_auc").low)


@pytest.mark.parametrize("metric", METRICS)
def test_a_gain_on_one_part_is_the_paired_difference(metric):
    a, b = several(0.9, 0.8, **ONE), several(0.7, 0.75, **ONE)
    found = scored({"a": a, "b": b}).gain([("a", "b")], ["celebdf"], metric)
    assert like(found, bootstrap.paired(a, b, metric, REPORT))


def test_means_over_parts_are_those_of_resampling_crops_one_by_one():
    """Parts of different size, and people that stand in both of them."""
    fits = several(0.7, 0.8, sources=["ffpp", *SETS])
    tables = [t.assign(group=t["group"].str.replace("celebdf:0", "ffpp:0")) for t in fits]
    parts = ["Deepfakes", "celebdf", "dfdc"]
    cells = [[t[t["clip_id"].str.startswith(start)] for start in ("celebdf/", "dfdc/")] for t in tables]
    for cell, t in zip(cells, tables, strict=True):
        cell.append(t[t["clip_id"].str.startswith(("ffpp/real/", "ffpp/Deepfakes/"))])
    names = sorted(tables[0]["group"].unique())
    drawn = []
    for weights in bootstrap.group_weights(tables[0], REPORT)[0].astype(int):
        times = dict(zip(names, weights, strict=True))
        copies = [[part.loc[part.index.repeat(part["group"].map(times))] for part in cell] for cell in cells]
        drawn.append([np.mean([roc_auc_score(c["label"], c["prob_fake"]) for c in seed]) for seed in copies])
    found = scored({"a": tables}).over("a", parts, "frame_auc")
    assert found.people**2 + found.own**2 / 2 == pytest.approx(
        np.mean(drawn, axis=1).var() * len(names) / (len(names) - 1)
    )
    assert found.per_seed == pytest.approx((0.7, 0.8)) and found.value == pytest.approx(0.75)


def test_each_run_is_decided_at_the_threshold_of_its_own_valid(tmp_path):
    """Scores are .2 and .8; valid has them below .2 (all of test is called fake) and between."""
    done, tables = [], several(0.7, 0.9, **ONE)
    for seed, table in enumerate(tables):
        (tmp_path / str(seed)).mkdir()
        table.to_parquet(tmp_path / str(seed) / PREDICTIONS)
        valid = table.assign(split="valid", prob_fake=table["label"] * 0.1 if seed else table["label"])
        valid.to_parquet(tmp_path / str(seed) / VALID)
        done.append({"arm": "a", "seed": seed, "key": str(seed), "folder": tmp_path / str(seed)})
    found = Scored(pd.DataFrame(done), REPORT)
    at = found.over("a", ["celebdf"], "frame_accuracy_at_valid_threshold")
    assert at.per_seed == pytest.approx((0.7, 0.5)) and at.limits == (0, 1)
    plain = found.over("a", ["celebdf"], "frame_accuracy")
    assert plain.per_seed == pytest.approx((0.7, 0.9))
    want = bootstrap.over_seeds(tables, REPORT, valid=found.valid("a"))["frame_accuracy_at_valid_threshold"]
    assert (at.own, at.seed_sd) == pytest.approx((want.own, want.seed_sd)) and at.own > 0


def test_a_fit_selected_on_test_or_of_no_run_has_no_threshold_of_valid(tmp_path):
    table = met(0.7, **ONE)
    for name in (PREDICTIONS, VALID):
        table.assign(split="test").to_parquet(tmp_path / name)
    done = pd.DataFrame([{"arm": "a", "seed": 0, "key": "k", "folder": tmp_path}])
    found = Scored(done, REPORT, {"b": [table]})
    with pytest.raises(InputError, match="a threshold cannot come from test; pass those of valid"):
        found.over("a", ["celebdf"], "frame_accuracy_at_valid_threshold")
    with pytest.raises(InputError, match=r"^fit b: has no predictions of valid; ask for a metric at \.5$"):
        found.over("b", ["celebdf"], "frame_accuracy_at_valid_threshold")
    assert found.over("a", ["celebdf"], "frame_accuracy").value == pytest.approx(0.7)


def test_each_part_is_as_heavy():
    """Of DF-1.0 nine tenths are right, of FF++, with twice as many crops and more, six tenths."""
    found = scored({"a": [met(0.6, df1=0.9)]}).over("a", ["ffpp", "df1"], "frame_accuracy")
    assert found.value == pytest.approx(0.75)


def test_a_person_of_two_data_sets_is_drawn_for_both():
    """Two data sets alike: where their people are the same, every resample has the same of both."""
    one = met(0.7, sources=["celebdf"])
    other = one.assign(clip_id=one["clip_id"].str.replace("celebdf/", "dfdc/"))
    apart = other.assign(group=other["group"].str.replace("celebdf", "dfdc"))
    unit = [[(1, "a", "celebdf"), (-1, "a", "dfdc")]]
    together = scored({"a": [pd.concat([one, other])] * 2}).contrast(unit, "frame_auc")
    assert (together.low, together.high, together.groups) == (0, 0, 20)
    found = scored({"a": [pd.concat([one, apart])] * 2}).contrast(unit, "frame_auc")
    assert found.value == 0 and found.low < -0.1 and found.high > 0.1 and found.groups == 40


def test_pairs_are_averaged_seed_by_seed():
    """Gains by hand: .9 - .6 and .8 - .7; .7 - .6, .75 - .6, and a seed that the other fits lack."""
    fits = {"a": several(0.9, 0.8), "b": several(0.6, 0.7), "c": several(0.7, 0.75, 0.95), "d": several(0.6, 0.6)}
    found = scored(fits).gain([("a", "b"), ("c", "d")], SETS, "frame_auc")
    assert found.per_seed == pytest.approx((0.2, 0.125)) and found.value == pytest.approx(0.1625)
    assert found.spread == pytest.approx(np.std([0.2, 0.125], ddof=1)) and found.unmatched == 1
    alone = scored(fits).over("c", SETS, "frame_auc")
    assert alone.per_seed == pytest.approx((0.7, 0.75, 0.95)) and alone.unmatched == 0


def test_a_contrast_is_the_weighted_sum_by_hand():
    tables = {"a": [met(0.9, df1=0.95)], "b": [met(0.6, dfdc=0.7)]}
    unit = [(1, "a", "df1"), (-1, "b", "df1"), (-0.5, "a", "dfdc"), (0.5, "b", "dfdc")]
    found = scored(tables).contrast([unit], "frame_auc")
    assert found.value == pytest.approx((0.95 - 0.6) - 0.5 * (0.9 - 0.7))
    alone = scored(tables).contrast([unit[:1], unit[2:3]], "frame_auc", difference=False)
    assert alone.per_seed == pytest.approx(((0.95 - 0.45) / 2,))


@pytest.mark.parametrize(("parts", "crops", "people"), [
    (["ffpp"], 60, 20), (["Deepfakes"], 40, 20), (["Deepfakes", "FaceSwap"], 60, 20), (["df1"], 40, 20),
    (["ffpp", "dfdc"], 100, 40),
])  # fmt: skip
def test_a_part_is_a_data_set_or_a_method_with_all_real_crops(parts, crops, people):
    found = scored({"a": [met(0.7)]}).over("a", parts, "frame_auc")
    assert (found.frames, found.clips, found.groups) == (crops, crops, people)


def test_a_method_is_judged_by_its_own_fakes():
    found = scored({"a": [met(0.7, FaceSwap=0.9, real=0.8)]})
    values = [found.over("a", [part], "frame_auc").value for part in ("Deepfakes", "FaceSwap")]
    assert values == pytest.approx([(0.7 + 0.8) / 2, (0.9 + 0.8) / 2])


def test_the_smallest_part_says_whether_there_are_few_groups():
    table = met(0.7)
    few = table[~table["group"].isin([f"dfdc:{g:02d}" for g in range(bootstrap.FEW - 1, 20)])]
    found = scored({"a": [few]})
    assert not found.over("a", ["celebdf"], "frame_auc").few_groups
    assert found.over("a", ["dfdc"], "frame_auc").few_groups
    both = found.gain([("a", "a")], ["celebdf", "dfdc"], "frame_auc")
    assert both.few_groups and both.groups == 29


def test_resamples_in_which_a_part_lacks_a_class_are_left_out():
    table = met(0.7)
    alone = table[~((table["clip_id"].str.startswith("dfdc/real/")) & (table["group"] > "dfdc:01"))]
    found = scored({"a": [alone] * 2}).over("a", ["celebdf", "dfdc"], "frame_auc")
    assert 0 < found.dropped < 30 and found.resamples + found.dropped == REPORT.bootstrap
    assert found.low <= found.value <= found.high
    assert scored({"a": [alone]}).over("a", ["celebdf"], "frame_auc").dropped == 0


# where predictions come from


@pytest.fixture
def runs(tmp_path):
    """Write the predictions of two runs of a fit, the crops of one of them in another order."""
    lines = []
    for seed in range(2):
        folder = tmp_path / f"k{seed}"
        folder.mkdir()
        met(0.7, seed).sample(frac=1, random_state=seed).to_parquet(folder / PREDICTIONS)
        lines.append({"arm": "a", "seed": seed, "key": f"k{seed}", "folder": folder})
    return pd.DataFrame(lines)


def test_runs_are_read_and_put_in_order(runs):
    found = Scored(runs, REPORT)
    for seed, table in enumerate(found.tables("a")):
        pd.testing.assert_frame_equal(table, metrics.checked(met(0.7, seed)))
    assert like(found.over("a", SETS, "frame_auc"), scored({"a": several(0.7, 0.7)}).over("a", SETS, "frame_auc"))
    assert [len(t) for t in found.part("a", "FaceSwap")] == [40, 40]


def test_tables_that_are_no_run_s_are_taken_as_they_are(runs):
    other = Scored(runs.assign(folder="nowhere"), REPORT, {"a": several(0.9)})
    assert other.over("a", SETS, "frame_auc").per_seed == pytest.approx((0.9,))


def test_fits_that_met_other_crops_are_one_line(runs):
    for change in (lambda t: t.iloc[1:], lambda t: t.assign(group="g")):
        found = Scored(runs, REPORT, {"b": [metrics.checked(change(met(0.7)))]})
        with pytest.raises(InputError, match=r"^fit a: met other test crops than the others; train it again$"):
            found.tables("a")


@pytest.mark.parametrize(
    ("fit", "part", "metric", "said"),
    [
        ("b", "dfdc", "frame_auc", "^fit b: has no runs; run the notebook"),
        ("a", "folder", "frame_auc", "^part folder: holds no test crop; name a data set"),
        ("a", "Face2Face", "frame_acc", "^frame_acc: no such metric"),
    ],
)
def test_what_is_not_there_is_one_line(runs, fit, part, metric, said):
    with pytest.raises(InputError, match=said) as error:
        Scored(runs, REPORT).over(fit, [part], metric)
    assert "\n" not in str(error.value)


# the weakest cell

VERDICTS = ("fails", "undecided", "holds")
ANY = bootstrap.Estimate(0.0, -1, 1, 0.0, (0.0, 0.0), 9, 9, 9, 100, 0, False)


def test_the_worst_verdict_decides_before_the_least_value():
    found = [dataclasses.replace(ANY, value=value) for value in (0.1, 0.3, 0.2, 0.05)]
    assert weakest(found, ["holds", "undecided", "undecided", "holds"]) == 2
    assert weakest(found, ["holds"] * 4) == 3
    assert weakest(found, ["undecided", "fails", "undecided", "holds"]) == 1


@given(st.lists(st.tuples(st.integers(-9, 9), st.sampled_from(VERDICTS)), min_size=1, max_size=6))
def test_no_cell_is_weaker_than_the_weakest(cells):
    at = weakest([dataclasses.replace(ANY, value=value) for value, _ in cells], [word for _, word in cells])
    ranks = [(VERDICTS.index(word), value) for value, word in cells]
    assert ranks[at] == min(ranks)


def test_ahead_is_the_share_of_cells_won_beyond_one_half():
    """Two units of two cells: the first wins both, the second one of two; (1 + .5) / 2 - .5 = .25."""
    fits = {"a": [met(0.9)], "b": [met(0.6)], "c": [met(0.7, celebdf=0.5)]}
    cells = [
        [[(1.0, "a", part), (-1.0, "b", part)] for part in ("celebdf", "dfdc")],
        [[(1.0, "c", part), (-1.0, "b", part)] for part in ("celebdf", "dfdc")],
    ]
    found = scored(fits).ahead(cells, "frame_auc")
    assert found.value == pytest.approx(0.25) and found.per_seed == (0.5, 0.0)
    assert found.spread == pytest.approx(np.std([0.5, 0.0], ddof=1)) and found.seed_df == 1
    assert found.low < 0.25 < found.high
