"""Figure 1 (b) of PRLE, redrawn: primary regions are found once, and hidden in part while a detector trains."""

from matplotlib.figure import Figure

from ddet.report import diagram


def overview() -> Figure:
    """Draw the static localisation, the dynamic exploitation and the test; filled is what the paper adds.

    Paper: PRLE Figures 1 and 2, sections III-B to III-D.
    """
    return diagram.flow(
        {
            "Once, on training crops": [
                *("training crop", "several trained detectors", "Grad-CAM of each (eq. 3)"),
                *("*fusion (eqs. 6 to 8)", "primary region"),
            ],
            "While a detector trains": [
                *("training crop", "*with probability p: draw alpha", "*hide the alpha most attended (eqs. 9 to 12)"),
                *("detector", "loss (eq. 13)"),
            ],
            "Test": ["crop as it is", "detector", "prob_fake"],
        }
    )
