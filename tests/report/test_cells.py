"""A cell of a results table: what it shows, marks and carries."""

import dataclasses
import math

import pytest
from result_tables import COLUMNS, printed

from ddet.report import cells
from ddet.stats.interval import Estimate

MADE = Estimate(0.8, 0.75, 0.85, 0.02, (0.78, 0.82), 90, 30, 12, 100, 0, False, seed_sd=0.02, seed_df=1)
PAPER = printed(("Base", "Acc", "0.9333"))


def shown(e: Estimate | None, keys: tuple[str, ...] = ("k1", "k2")) -> cells.Cell:
    return cells.cell(e, PAPER, "Base", COLUMNS[0], keys)


def test_a_cell_reads_ours_interval_paper():
    assert cells.compact(shown(MADE)) == "0.800 [0.750, 0.850] / 0.9333"
    assert cells.compact(shown(None)) == "– / 0.9333"
    assert cells.as_html(shown(None)) == "<td>–<small>paper 0.9333</small></td>"
    assert cells.as_html(shown(MADE)) == (
        '<td data-v="0.8">0.800<small> [0.750, 0.850]</small><small>paper 0.9333 (-0.133, below)</small></td>'
    )


@pytest.mark.parametrize(
    ("low", "high", "decimals"), [(0.75, 0.85, 3), (0.3, 0.9, 2), (0.7999, 0.8001, 4), (0.8, 0.8, 4), (math.nan, 1, 4)]
)
def test_decimals_are_those_that_the_interval_warrants(low, high, decimals):
    """Half of the interval keeps two digits; without an interval the paper's decimals stand."""
    assert shown(dataclasses.replace(MADE, low=low, high=high)).decimals == decimals


@pytest.mark.parametrize(
    ("ends", "said"),
    [((0.7, 0.95), "-0.13, within"), ((0.94, 0.96), "-0.133, above"), ((math.nan, math.nan), "-0.1333")],
)
def test_a_cell_says_on_which_side_of_the_paper_it_lies(ends, said):
    assert shown(dataclasses.replace(MADE, low=ends[0], high=ends[1])).against() == said
    assert cells.cell(MADE, PAPER, "other", COLUMNS[0], ()).against() == "" and shown(None).against() == ""


@pytest.mark.parametrize(
    ("change", "mark"),
    [
        ({"few_groups": True}, "†"),
        ({"dropped": 3}, "‡"),
        ({"per_seed": (0.8,), "pooled": True}, "§"),
        ({"per_seed": (0.8,), "low": math.nan, "high": math.nan, "seed_sd": math.nan}, "¶"),
        ({"per_seed": (0.8,), "seed_sd": 0.0}, ""),  # a rule without training has no seeds to miss
        ({"unmatched": 1}, "‖"),
    ],
)
def test_what_weakens_an_interval_is_marked(change, mark):
    text = cells.compact(shown(dataclasses.replace(MADE, **change)))
    assert text.startswith(f"0.800{mark} [" if mark != "¶" else "0.8000¶ / ")
    assert set(text) & set(cells.MARKS) == set(mark)


def test_the_facts_are_scaled_and_count_the_seeds_of_the_number():
    column = dataclasses.replace(COLUMNS[0], scale=100)
    facts = cells.facts_of(cells.cell(MADE, PAPER, "Base", column, ("k1", "k2", "k3")))
    assert (facts["ours"], facts["seed_sd"], facts["seed_df"], facts["seeds"]) == (80, 2, 1, 2)
    assert cells.facts_of(shown(MADE, ()))["seeds"] == 0 and cells.facts_of(shown(None))["frames"] is None
