"""Estimate operating points of PRLE's fits, at home and on the datasets that they have never seen."""

import pandas as pd

from ddet import params
from ddet.prle.arms import METHOD, PLAIN, named
from ddet.prle.scores import Scored
from ddet.report import operating_points
from ddet.runs import finished
from ddet.stats import metrics
from ddet.stats.bootstrap import Estimate


def rows(
    section: params.Prle, scored: Scored
) -> tuple[dict[str, dict[str, Estimate]], dict[str, list[str]], dict[str, list[pd.DataFrame]]]:
    """Estimate what `report.operating_points` tabulates, of each detector and of each with the method.

    A threshold comes from the valid crops of FF++: the datasets of the test never choose it.

    Returns:
        Row -> metric -> estimate, row -> keys of its runs, row -> what they gave valid. The rows of a fit: on average
        over the other datasets, on each of them, and on the test split of FF++.
    """
    sets = {"": list(section.tests.values())} | {f", {title}": [d] for title, d in section.tests.items()}
    sets[", FF++"] = ["ffpp"]
    wanted = [name for level in metrics.LEVELS for name in operating_points.names(level)]
    found, keys, valid = {}, {}, {}
    for detector in section.detectors:
        for fit in (named(detector, PLAIN), named(detector, METHOD)):
            for where, parts in sets.items():
                row = f"{fit}{where}"
                found[row] = {name: scored.over(fit, parts, name) for name in wanted}
                keys[row], valid[row] = finished.keys(scored.done, fit), scored.valid(fit)
    return found, keys, valid
