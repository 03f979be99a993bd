"""Figure 1 of Herd, redrawn: how crops are prepared, the network, and the phases of the curriculum."""

from matplotlib.figure import Figure

from ddet.report import diagram


def overview() -> Figure:
    """Draw both ways to prepare crops, the network, and the three phases; filled is what the paper adds.

    Paper: Herd Figure 1 (a) and (b), sections 2.3 to 2.5.
    Differs: the Swin branch is left out, since the released code never runs it.
    """
    return diagram.flow(
        {
            "Usual preparation": ["clip", "frames", "face crop", "list of augmentations", "network", "cross-entropy"],
            "The paper's": ["clip", "frames", "face crop", "*flips, or nothing", "network", "*weighted cross-entropy"],
            "Network (GenConViT, A)": ["crop", "autoencoder", "copy of the crop", "ConvNeXt on both", "logits"],
            "Curriculum (MEP)": ["start weights", "*1: eyes hidden", "*2: whole faces", "*3: eyes hidden", "network"],
        }
    )
