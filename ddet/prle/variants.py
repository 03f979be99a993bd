"""Compare arms that no table of the paper holds: readings of its text, whose masks, and rules of equal area."""

from collections.abc import Mapping

import pandas as pd

from ddet import params
from ddet.prle.arms import METHOD, PLAIN, named
from ddet.prle.scores import Scored
from ddet.stats import verdicts

READINGS = {
    "eq. 8 alone": METHOD,
    "as released": METHOD,
    "halved maps": METHOD,
    "every image": METHOD,
    "selected on test": PLAIN,
}
MASKS = {METHOD: PLAIN, "true class": PLAIN, "predicted class": PLAIN, "out of fold": PLAIN, "dealt": PLAIN}
SAME = "union, same area"
AREAS = {
    SAME: PLAIN,
    "average, same area": SAME,
    "eq. 8, same area": SAME,
    "three zones, same area": SAME,
    "Random, same area": SAME,
    "Landmark, same area": SAME,
}


def compared(section: params.Prle, scored: Scored, pairs: Mapping[str, str]) -> pd.DataFrame:
    """Tabulate arm minus other arm (`pairs`), for each detector that both train: on average elsewhere, and on FF++.

    Columns: fit, minus, test set, and those of `verdicts.reading`. A pair that the params file lacks is left out.
    """
    tests, lines = list(section.tests.values()), []
    for arm, other in pairs.items():
        for detector in section.detectors:
            fit, base = named(detector, arm), named(detector, other)
            if scored.has(fit, base):
                for title, parts in {"AVG": tests, "FF++": ["ffpp"]}.items():
                    gain = scored.gain([(fit, base)], parts, "frame_auc")
                    lines.append([fit, base, title, *verdicts.reading(gain, scored.cfg.confidence)])
    return pd.DataFrame(lines, columns=["fit", "minus", "test set", *verdicts.READING])
