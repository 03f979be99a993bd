"""Operating points of PRLE's fits: which rows there are, and whose thresholds they have."""

import pytest
from prle_toys import DETECTORS, met, scored, section

from ddet.prle import operating_points
from ddet.report import operating_points as report_points
from ddet.stats import metrics


def test_each_fit_has_a_row_on_average_one_per_data_set_and_one_at_home():
    cfg = section()
    fits = {name: [met(0.6, 0), met(0.7, 1)] for d in DETECTORS for name in (d, f"{d} + PRLE")}
    fits["Xception + PRLE"] = [met(0.8, 0, celebdf=0.95)] * 2
    made = scored(fits)
    found, keys, valid = operating_points.rows(cfg, made)
    sets = ["", *(f", {title}" for title in cfg.tests), ", FF++"]
    assert list(found) == [f"{d}{arm}{where}" for d in cfg.detectors for arm in ("", " + PRLE") for where in sets]
    assert list(found) == list(keys) == list(valid) and keys["Xception, FF++"] == ["Xception 0", "Xception 1"]
    wanted = {name for level in metrics.LEVELS for name in report_points.names(level)}
    assert all(set(cells) == wanted for cells in found.values())
    values = [found[f"Xception + PRLE{w}"]["frame_accuracy_at_valid_threshold"].value for w in (", Celeb-DF", ", FF++")]
    assert values == pytest.approx([0.95, 0.8])
