"""Costs of the compared detectors beside those of the original codes, and which have learnt enough to be compared."""

import pandas as pd
import pytest
from prle_toys import DETECTORS, met, scored, section

from ddet import params, published
from ddet.prle import compared_tables as tables


@pytest.fixture
def cfg(monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")
    nets = {n: params.Compared(name="needy", backbone="slim_resnet") for n in ("MesoNet", "FFD", "RFM")}
    return section(compared=params.Others(seeds=1, detectors=nets))


def test_a_row_is_competent_from_the_bound_on_at_home(cfg):
    home = {"MesoNet": 0.925, "FFD": 0.95}
    fits = {name: [met(0.7, groups=40, ffpp=share)] for name, share in home.items()}
    fits |= {d: [met(0.6, seed=s, groups=40, ffpp=0.975) for s in (0, 1)] for d in DETECTORS}
    found = tables.known(cfg, scored(fits))
    assert found["detector"].tolist() == ["MesoNet", "FFD", *DETECTORS], "RFM was not trained"
    assert found["competent"].tolist() == [False, True, True, True, True]
    row = found.set_index("detector").loc["FFD"]
    assert row["FF++"].startswith("0.950") and row["AVG"].startswith("0.700") and row["DFDC"].startswith("0.700")
    assert "nan" not in row["AVG"], "the backbones lend the noise of their seeds"


def test_the_bound_is_where_the_papers_regime_begins(cfg):
    near = {name: [met(0.7, groups=200, ffpp=share)] for name, share in {"MesoNet": 0.925, "FFD": 0.935}.items()}
    near |= {d: [met(0.6, seed=s, groups=200) for s in (0, 1)] for d in DETECTORS}
    found = tables.known(cfg, scored(near)).set_index("detector")["competent"]
    assert not found["MesoNet"] and found["FFD"], "from .93 on"


def test_those_that_are_not_are_named_with_their_numbers():
    found = pd.DataFrame({"detector": ["A", "B"], "FF++": ["0.91 [..]", "0.95 [..]"], "competent": [False, True]})
    assert tables.in_words(found).endswith("so that the row says little of its method: A 0.91 [..].")
    assert tables.in_words(found.iloc[1:]) == "Each detector has a frame AUC of 0.93 on FF++ or more."


def test_the_networks_of_a_profile_with_needs_and_costs(cfg):
    found = tables.slim(cfg).set_index("detector")
    assert found.loc["FFD", "needs"] == "label, mask, pair" and found.loc["FFD", "size"] == cfg.size
    assert found.loc["FFD", "parameters"] == 348_466 + 1, "a slim ResNet with two classes, and its scale"
    assert 0 < found.loc["FFD", "GFLOPs"] < 1


def test_full_size_networks_have_the_parameters_of_the_original_codes():
    found = tables.costs()
    assert found["detector"].tolist() == published.facts("networks")["row"].tolist()
    assert found["parameters"].tolist() == found["original"].tolist()
    assert found.set_index("detector").loc["RFM", "GFLOPs"] == pytest.approx(4.57, abs=0.1), "Xception at 224 px"
