"""How much of a crop a map calls primary, and how much of that is forged."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import cam

THRESHOLDS = (0.0, 0.3, 0.6)


def coverage(maps: np.ndarray, above: float = 0.0) -> np.ndarray:
    """Return the share of each map's pixels that exceed `above`: n x H x W to float n.

    Paper: PRLE eq. 4: the primary region is where A > 0; one minus its share is that of zero attention, "over 80%".
    """
    return (maps > above).mean(axis=(1, 2))


def coverage_table(
    maps: Mapping[str, np.ndarray], methods: Sequence[str], thresholds: Sequence[float] = THRESHOLDS
) -> pd.DataFrame:
    """Average the coverage in percent: one line per detector, columns (`above`, forgery method).

    Paper: PRLE Table I. It does not say whether its maps were halved, as in the released code, nor whether it counts
    A > 0 or A > tau1 = .3: with our maps, which reach 1, the three readings are 0, .3 and .6.

    Args:
        maps: detector -> n x H x W.
        methods: of each crop, n.
    """
    tables = {}
    for above in thresholds:
        by_crop = pd.DataFrame({name: 100 * coverage(m, above) for name, m in maps.items()})
        tables[above] = by_crop.groupby(np.asarray(methods), sort=False).mean().T
    return pd.concat(tables, axis=1, names=["above", "method"])


def primary_shares(maps: np.ndarray, forged: np.ndarray) -> dict[str, np.ndarray]:
    """Measure each primary region against the forged pixels (bool n x H x W), as `cam.attention_shares` does.

    `iou` is that of {A > 0}; `inside` and `pointing` weigh the attention.
    """
    return cam.attention_shares(maps, forged, threshold=np.finfo(float).smallest_subnormal)
