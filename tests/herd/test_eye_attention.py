"""Where maps lie on a face: parts and shares by hand, differences, and two claims on planted shares."""

import numpy as np
import pandas as pd
import pytest
from drawn import examples
from hypothesis import given
from hypothesis import strategies as st

from ddet import params, published
from ddet.audit import ledger
from ddet.herd import eye_attention
from ddet.stats import bootstrap, metrics, verdicts

CFG = params.Report(bootstrap=200, confidence=0.9, seed=5)
KEYS = {"Base": ["k1", "k2"], "MEP": ["k3", "k4"]}


def regions(n: int, size: int, seed: int, forged: bool = True) -> dict[str, np.ndarray]:
    """Draw eyes, face and forged pixels at random; the eyes may leave the face."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.random((n, size, size)) < p for name, p in (("eyes", 0.2), ("face", 0.6), ("forged", 0.4))}
    found = drawn | {"background": ~drawn["face"]}
    return found if forged else {name: found[name] for name in ("eyes", "face", "background")}


def rows(n: int) -> pd.DataFrame:
    """Invent n crops of n / 2 people, in an index of their own."""
    table = {"clip_id": [f"d/m/-/{i:03d}" for i in range(n)], "frame_idx": 3, "track": 0}
    table |= {"group": [f"g{i // 2:02d}" for i in range(n)], "label": [i % 2 for i in range(n)], "crop": "unused"}
    return pd.DataFrame(table, index=range(7, 7 + n))


# parts


@examples(30)
@given(st.integers(0, 10_000), st.booleans())
def test_the_parts_cover_each_pixel_once_and_forged_lies_across(seed, forged):
    drawn = regions(2, 6, seed, forged)
    found = eye_attention.parts(drawn)
    assert list(found) == ["eyes", "rest of face", "background"] + ["forged"] * forged
    covered = found["eyes"].astype(int) + found["rest of face"] + found["background"]
    assert (covered == 1).all()
    assert (found["eyes"] == drawn["eyes"]).all() and not (found["rest of face"] & ~drawn["face"]).any()
    assert not forged or (found["forged"] == drawn["forged"]).all()


# shares

DIVIDED = {
    "eyes": np.array([[[1, 0], [0, 0]], [[0, 0], [0, 0]]], bool),  # the second crop has no eyes
    "rest of face": np.array([[[0, 1], [0, 0]], [[1, 1], [0, 0]]], bool),
    "background": np.array([[[0, 0], [1, 1]], [[0, 0], [1, 1]]], bool),
}
MAPS = [
    np.array([[[6.0, 2.0], [1.0, 1.0]], [[1.0, 3.0], [0.0, 4.0]]]),
    np.array([[[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]]),  # nothing lights up in the second
]
RUNS = pd.DataFrame({"arm": ["Base", "Base"], "seed": [0, 1], "key": ["k1", "k2"]})


def test_shares_by_hand():
    found = eye_attention.measure(RUNS, MAPS, rows(2), DIVIDED)
    assert list(found.columns) == ["arm", "seed", *eye_attention.ROW, "blank", "eyes", "rest of face", "background"]
    assert found["clip_id"].tolist() == ["d/m/-/000", "d/m/-/001"] * 2 and found["seed"].tolist() == [0, 0, 1, 1]
    by_hand = [[0.6, 0.2, 0.2], [np.nan, 0.5, 0.5], [0.25, 0.25, 0.5], [np.nan, 0.5, 0.5]]
    np.testing.assert_allclose(found[list(DIVIDED)], by_hand)
    assert found["blank"].tolist() == [False, False, False, True], "a map of zeros is even: 0.5 and 0.5 are areas"
    np.testing.assert_allclose(eye_attention.values(found, "Base", "eyes"), [[0.6, np.nan], [0.25, np.nan]])


def test_the_summary_by_hand():
    """Each column averages the shares that are known, (.6 + .25) / 2 for the eyes; `even` the areas that are not 0."""
    table = eye_attention.summary(eye_attention.measure(RUNS, MAPS, rows(2), DIVIDED), DIVIDED)
    assert list(table.columns) == ["Base", "even"] and list(table.index) == [*DIVIDED, "blank"]
    np.testing.assert_allclose(table["Base"], [0.425, (0.2 + 0.5 + 0.25 + 0.5) / 4, (0.2 + 3 * 0.5) / 4, 0.25])
    np.testing.assert_allclose(table["even"], [0.25, (0.25 + 0.5) / 2, 0.5, np.nan])


def test_shares_equal_the_slow_plain_version():
    rng, divided = np.random.default_rng(1), eye_attention.parts(regions(5, 8, 2))
    runs = pd.DataFrame({"arm": ["NA", "Base", "NA"], "seed": [0, 0, 1]})
    maps = [rng.random((5, 8, 8), dtype=np.float32) for _ in range(3)]
    found = eye_attention.measure(runs, maps, rows(5), divided)
    slow = [
        [sum(m[i][at] for at in zip(*np.nonzero(part[i]), strict=True)) / m[i].sum() for part in divided.values()]
        for m in maps
        for i in range(5)
    ]
    np.testing.assert_allclose(found[list(divided)], slow, rtol=1e-5)
    np.testing.assert_allclose(found[["eyes", "rest of face", "background"]].sum(axis=1), 1, rtol=1e-5)
    for (arm, seed), part in found.groupby(["arm", "seed"]):
        at = runs.index[(runs["arm"] == arm) & (runs["seed"] == seed)][0]
        np.testing.assert_allclose(part["forged"], np.array(slow)[5 * at : 5 * at + 5, -1], rtol=1e-5)
        np.testing.assert_array_equal(eye_attention.values(found, arm, "forged")[seed], part["forged"])
    assert list(eye_attention.summary(found, divided).columns) == ["NA", "Base", "even"]


# claims and differences

# Of every crop, a quarter is eyes, a half the rest of the face: an even map has eyes + background - rest = 0.
EVEN = {name: np.zeros((40, 2, 2), bool) for name in ("eyes", "rest of face", "background")}
for part, cells in (("eyes", [(0, 0)]), ("rest of face", [(0, 1), (1, 0)]), ("background", [(1, 1)])):
    for row, column in cells:
        EVEN[part][:, row, column] = True


def planted(n: int = 40, seeds: int = 2, **arms: tuple[float, float]) -> pd.DataFrame:
    """Plant shares of the eyes and the background, with a little noise; the rest of the face has what is left."""
    tables = []
    for number, (arm, (on_eyes, on_background)) in enumerate(arms.items()):
        for seed in range(seeds):
            noise = np.random.default_rng(10 * number + seed).normal(0, 0.01, (2, n))
            table = rows(n)[eye_attention.ROW].reset_index(drop=True).assign(arm=arm, seed=seed, blank=False)
            table["eyes"], table["background"] = on_eyes + noise[0], on_background + noise[1]
            tables.append(table.assign(**{"rest of face": 1 - table["eyes"] - table["background"]}))
    return pd.concat(tables, ignore_index=True)[
        ["arm", "seed", *eye_attention.ROW, "blank", "eyes", "rest of face", "background"]
    ]


def test_differences_are_those_of_paired_values_with_their_sign_in_words():
    shares = planted(Base=(0.3, 0.4), MEP=(0.1, 0.4))
    found = eye_attention.differences([("MEP", "Base"), ("Base", "Base")], shares, CFG)
    assert list(found.columns) == ["difference", "part", *verdicts.READING, "crops"]
    assert found["difference"].tolist() == ["MEP - Base"] * 3 + ["Base - Base"] * 3
    assert found["part"].tolist() == ["eyes", "rest of face", "background"] * 2
    assert found["reading"].tolist()[:2] == ["less", "more"] and set(found["reading"][3:]) == {"undecided"}
    assert (found["crops"] == 40).all() and (found["effect"][3:] == 0).all()
    eye = {arm: eye_attention.values(shares, arm, "eyes") for arm in ("MEP", "Base")}
    gain = bootstrap.paired_values(eye["MEP"], eye["Base"], rows(40), CFG)
    assert found.iloc[0][verdicts.READING].tolist() == verdicts.reading(gain, 0.9) != verdicts.reading(gain, 0.95)
    assert gain.value == pytest.approx(-0.2, abs=0.01) and len(gain.per_seed) == 2


def test_differences_count_the_crops_that_have_the_part():
    shares = planted(Base=(0.3, 0.4), MEP=(0.1, 0.4))
    shares.loc[shares["clip_id"].isin(["d/m/-/000", "d/m/-/007"]) & (shares["arm"] == "MEP"), "eyes"] = np.nan
    assert eye_attention.differences([("MEP", "Base")], shares, CFG)["crops"].tolist() == [38, 40, 40]


@pytest.mark.parametrize(
    ("base", "mep", "looks", "moves"),
    [
        ((0.3, 0.4), (0.1, 0.4), "holds", "holds"),  # .3 + .4 - .3 = .4, and .3 - .1 = .2
        ((0.1, 0.2), (0.3, 0.2), "fails", "fails"),  # .1 + .2 - .7 = -.4, and .1 - .3 = -.2
        ((0.2, 0.3), (0.2, 0.3), "undecided", "undecided"),  # both 0
    ],
)
def test_the_two_claims_about_the_eyes(base, mep, looks, moves):
    table = eye_attention.judge(planted(Base=base, MEP=mep), EVEN, KEYS, CFG, "invented")
    assert table.columns.tolist() == verdicts.RESULT
    assert table["claim_id"].tolist() == ["herd-eyes", "herd-mep-eyes"]
    assert table["verdict"].tolist() == [looks, moves]
    by_hand = [base[0] + base[1] - (1 - base[0] - base[1]), base[0] - mep[0]]
    assert table["effect"].tolist() == pytest.approx(by_hand, abs=0.02)
    assert table["runs"].tolist() == ["k1 k2", "k1 k2 k3 k4"] and set(table["data"]) == {"invented"}
    assert (table["n"] == 40).all() and (table["lo"] < table["effect"]).all() and (table["effect"] < table["hi"]).all()


def test_a_crop_without_eyes_has_no_share_on_them_and_leaves_the_comparison_of_eyes():
    """Of 40 crops 10 have no eyes: eyes + background - rest is .3 + .4 - .3 in 30 of them, 0 + .4 - .6 in 10."""
    shares = planted(Base=(0.3, 0.4), MEP=(0.1, 0.4))
    blind = shares["clip_id"].isin([f"d/m/-/{i:03d}" for i in range(10)])
    shares.loc[blind, "eyes"], shares.loc[blind, "rest of face"] = np.nan, 0.6
    looks, moves = eye_attention.judge(shares, EVEN, KEYS, CFG, "invented").to_dict("records")
    assert looks["effect"] == pytest.approx((30 * 0.4 - 10 * 0.2) / 40, abs=0.01) and looks["n"] == 40
    assert moves["effect"] == pytest.approx(0.2, abs=0.01) and moves["n"] == 30


@pytest.mark.parametrize(
    ("arms", "tested"), [(["Base"], ["herd-eyes"]), (["Base", "NA"], ["herd-eyes"]), (["MEP"], []), (["NA"], [])]
)
def test_only_what_the_arms_allow_is_tested(arms, tested):
    table = eye_attention.judge(planted(**dict.fromkeys(arms, (0.3, 0.4))), EVEN, KEYS, CFG, "invented")
    assert table.columns.tolist() == verdicts.RESULT and table["claim_id"].tolist() == tested


def test_an_even_map_is_what_the_claim_on_the_base_model_is_tested_against():
    """Where eyes and background cover all but a quarter of the crop, an even map has .75 - .25 = .5 there already."""
    wide = {**EVEN, "background": EVEN["background"].copy(), "rest of face": EVEN["rest of face"].copy()}
    wide["background"][:, 0, 1], wide["rest of face"][:, 0, 1] = True, False
    looks = eye_attention.judge(planted(Base=(0.3, 0.4)), wide, KEYS, CFG, "invented").iloc[0]
    assert looks["effect"] == pytest.approx(0.4 - 0.5, abs=0.02) and looks["verdict"] == "fails"


def test_a_map_resolves_an_eye_where_one_of_two_covers_a_cell():
    """Both eyes cover a quarter of a crop, one an eighth: two of 4 x 4 cells, half a cell of 2 x 2."""
    fine, coarse = (eye_attention.resolved(EVEN, cells) for cells in (4, 2))
    assert (fine.value, fine.met) == (2, True) and (coarse.value, coarse.met) == (0.5, False)
    assert not eye_attention.resolved({"eyes": np.zeros((3, 2, 2), bool)}, 9).met, "no eyes are known"
    judged = eye_attention.judge(planted(Base=(0.3, 0.4)), EVEN, KEYS, CFG, "invented", [coarse])
    assert judged["verdict"].tolist() == ["not testable here"] and "0.500" in judged["premise"].iloc[0]


def test_the_ledger_takes_what_is_judged(tmp_path):
    judged = eye_attention.judge(planted(Base=(0.3, 0.4), MEP=(0.1, 0.4)), EVEN, KEYS, CFG, "invented")
    judged.to_csv(tmp_path / "claims_herd.csv", index=False)
    assert len(ledger.read_results(tmp_path, published.facts("claims"))) == 2


def test_crops_are_named_as_in_predictions():
    assert [*metrics.ROW, "group", "label"] == eye_attention.ROW
