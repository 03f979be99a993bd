"""The premise of small regions: what counts as small, and what is said where a detector's regions are not."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from prle_toys import DETECTORS, met, scored, section

from ddet import published
from ddet.prle import leak, premise
from ddet.runs import finished
from ddet.stats.premise import Premise
from ddet.stats.verdicts import RESULT


def maps(*shares: float) -> np.ndarray:
    """Make a map of 100 pixels for each share that is positive."""
    return np.stack([(np.arange(100) < 100 * share).reshape(10, 10) / 2 for share in shares])


def test_shares_are_averaged_over_crops_and_empty_maps_are_counted():
    found = premise.table({"A": maps(0.2, 0.0, 0.4, 0.2), "B": maps(0.5, 0.5)})
    assert found["detector"].tolist() == ["A", "B"] and found["covered"].tolist() == pytest.approx([0.2, 0.5])
    assert found["above 0.3"].tolist() == found["covered"].tolist() and found["above 0.6"].tolist() == [0, 0]
    assert found["empty"].tolist() == [0.25, 0] and found["small"].tolist() == [True, False]


@pytest.mark.parametrize(("share", "small"), [(0.04, False), (0.05, True), (0.3, True), (0.31, False)])
def test_small_has_two_ends(share, small):
    assert premise.table({"A": maps(share)})["small"].tolist() == [small]


def test_what_fails_is_named_with_its_number():
    said = premise.in_words(premise.table({"A": maps(0.2), "B": maps(0.46), "C": maps(0.01)}))
    assert said == "The premise fails: a region should cover 5% to 30% of a crop, but there are B 46.0%, C 1.0%."
    assert premise.in_words(premise.table({"A": maps(0.2)})).startswith("The premise is met: ")


def test_the_premises_of_claims_by_hand():
    """Both detectors are right about 95 % at home; elsewhere one is about 60 %, the other about 80 %."""
    cfg = section(detectors={d: DETECTORS[d] for d in ("Xception", "EfficientNet")}, zoo=["Xception"])
    away = {"Xception": 0.6, "EfficientNet": 0.8}
    fits = {d: [met(0.95, celebdf=a, dfdc=a, df1=a)] for d, a in away.items()}
    tables = scored(fits)
    found = premise.of_claims(cfg, tables, premise.table({"A": maps(0.2), "B": maps(0.46)}))
    home, less, covered = (found[words] for words in list(found) if "compared" not in words)
    others = found["of the compared detectors"]
    assert np.isnan(others.value) and not others.met, "none was trained"
    named = premise.of_claims(cfg, scored(fits | {"Needy": [met(0.9)]}), premise.table({"A": maps(0.2)}))
    assert named["of the compared detectors"].value == pytest.approx(0.9, abs=1e-6)
    assert home.value == pytest.approx(0.95, abs=1e-6) and less.value == pytest.approx(0.95 - 0.7, abs=1e-6)
    assert home.met and less.met and (covered.value, covered.met) == (pytest.approx(0.46), False)


def test_a_claim_is_held_to_the_premises_that_it_states():
    """Masks of two kinds compare on any region; the method's gain needs regions that are small."""
    line = pd.DataFrame(
        [["", 0.1, 0.05, 0.15, 9, "k", "holds", "toys", "compatible", 0.1, 0.01, 9, 3, "", "", ""]], columns=RESULT
    )
    ledger = pd.concat([line.assign(claim_id=c) for c in ("prle-average", "prle-landmark-random", "prle-people")])
    large = {
        "primary regions cover": Premise("share", 0.6, most=0.3),
        "at home at least": Premise("AUC", 0.95, least=0.9),
    }
    found = premise.held(ledger, large)
    assert found["verdict"].tolist() == ["not testable here", "holds", "holds"]
    assert found["size"].tolist() == ["not measured", "compatible", "compatible"]
    assert found["premise"].str.count("needed").tolist() == [2, 1, 0] and "0.600" in found["premise"][0]
    assert len(premise.held(ledger.iloc[:0], large)) == 0


def test_a_premise_that_a_line_was_held_to_already_stays():
    own = Premise("gain", -0.1, least=0.0)
    line = pd.DataFrame(
        [["prle-leak", 0.1, 0.05, 0.15, 9, "k", "holds", "toys", "compatible", 0.1, 0.01, 9, 3, str(own), "", ""]],
        columns=RESULT,
    )
    found = premise.held(line, {"at home at least": Premise("AUC", 0.95, least=0.9)})["premise"].iloc[0]
    assert found.split("; ") == [str(own), "AUC 0.950, as needed: at least 0.9"]
    assert premise.held(line, {})["premise"].tolist() == [str(own)]


def test_what_is_measured_is_what_claims_state():
    claims = published.facts("claims").query("paper == 'prle'")
    said = {"at home at least": premise.HOME, "sets": premise.BEYOND, "primary regions cover at most": premise.SMALL[1]}
    for text in claims["premise"]:
        found = {
            "at home at least": re.findall(r"at home at least ([\d.]+\d)", text),
            "sets": re.findall(r"([\d.]+) above that on the other sets", text),
            "primary regions cover at most": re.findall(r"primary regions cover at most ([\d.]+\d)", text),
        }
        assert all(float(number) == said[words] for words, numbers in found.items() for number in numbers)
        assert bool(found["primary regions cover at most"]) == ("primary regions cover" in text)


class Strides(torch.nn.Module):
    """Two convolutions, of which the second halves a side."""

    def __init__(self):
        super().__init__()
        self.fine, self.coarse = torch.nn.Conv2d(3, 2, 3, 2, 1), torch.nn.Conv2d(2, 2, 3, 2, 1)

    def forward(self, x):
        return self.coarse(self.fine(x)).mean(dim=(2, 3))


@pytest.mark.parametrize(("layers", "side"), [(["fine"], 16), (["fine", "coarse"], 8)])
def test_the_coarsest_map_that_is_read_is_counted(monkeypatch, tmp_path, layers, side):
    monkeypatch.setattr(finished, "config_of_run", lambda folder: {"model": {"size": 32}})
    monkeypatch.setattr(finished, "load_model", lambda folder: Strides())
    assert premise.cells(tmp_path, layers) == side


def test_masks_that_tell_the_label_are_no_ground_for_claims_on_masked_crops():
    table = pd.DataFrame({"arm": ["PRLE", "dealt"], "mask": [0.61, 0.5]})
    (loud,) = leak.silent(table).values()
    assert (loud.value, loud.met) == (0.61, False)
    assert next(iter(leak.silent(table.assign(mask=0.6)).values())).met
    assert leak.silent(table.iloc[1:]) == {}, "nothing was measured of the method"
