"""Figure 2 of ASRID, redrawn: from a clip to the static, the dynamic and the fused score."""

from matplotlib.figure import Figure

from ddet.report import diagram


def overview() -> Figure:
    """Draw the static and the dynamic path; filled is what the rows of Table 2 add to the baseline.

    Paper: ASRID Figure 2, sections 4.2 and 5.2.
    """
    features = ["adjacent frames", "MobileNetV3", "*attention over frames", "*mix: features and attention"]
    return diagram.flow(
        {
            "Baseline": ["adjacent frames", "MobileNetV3", "one layer", "mean over frames", "static score"],
            "StaNew, + Mix": [*features, "two layers, mean over frames", "static score"],
            "Dyn, + Mix": [*features, "*positions, transformer", "dynamic score"],
            "Fused": ["static and dynamic loss", "*w and 1 − w", "total loss"],
        }
    )
