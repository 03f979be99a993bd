"""The figure that shows what a claim speaks of, and what is seen in it."""

from html import escape
from pathlib import Path

SHOWN = {  # beginning of a claim's id -> its figure; of several that fit the longest decides
    **{"herd-": "herd_auc", "herd-aug": "herd_augmentation_roc", "herd-rot": "herd_augmentation_roc"},
    **{"herd-rf": "herd_augmentation_roc", "herd-noise": "herd_augmentation_draws", "herd-mep-f1": "herd_auc"},
    **{"herd-mep-eyes": "herd_masked_eyes_cam", "herd-eyes": "herd_masked_eyes_cam", "herd-wl": "herd_sweep"},
    **{"herd-real": "herd_augmentation_confusion", "asrid-": "asrid_auc", "asrid-pic": "asrid_fig5_6"},
    **{"asrid-stanew": "asrid_fig9", "asrid-mix": "asrid_fig10", "asrid-dyn": "asrid_fig11"},
    **{"asrid-strength": "asrid_fig7", "asrid-batch": "asrid_fig13", "asrid-data": "asrid_fig12"},
    **{"prle-": "prle_auc", "prle-subsets": "prle_fig5", "prle-one": "prle_fig5", "prle-small": "prle_fig3"},
    **{"prle-detectors": "prle_fig6", "prle-alpha": "prle_fig8", "prle-broader": "prle_fig9"},
    **{"prle-leak": "prle_masks", "prle-fusion": "prle_fig3"},
}
CAPTIONS = {
    "herd_auc": "Each arm’s AUC over frames: the mean, its interval for people and seeds, a dot per seed.",
    "herd_augmentation_roc": "ROC curves of the augmentation arms on test frames: thin lines are seeds.",
    "herd_augmentation_draws": "One face, six draws of each list of augmentations.",
    "herd_masked_eyes_cam": "Grad-CAM for the class fake, without masked eyes and with them; outlined: forged.",
    "herd_sweep": "F1 of reals and of fakes against the weight of the class fake, with intervals.",
    "herd_augmentation_confusion": "Counts of right and wrong decisions at .5, first seed of each arm.",
    "asrid_auc": "Each arm’s AUC over clips: the mean, its interval for people and seeds, a dot per seed.",
    "asrid_fig5_6": "Losses when single pictures are drawn, and when clips are.",
    "asrid_fig9": "Losses of the single layer and of the head with attention.",
    "asrid_fig10": "Losses with mixing and without.",
    "asrid_fig11": "Losses of the dynamic and of the static head.",
    "asrid_fig7": "Losses at three dynamic strengths.",
    "asrid_fig13": "Losses with batches of 2 and of 6.",
    "asrid_fig12": "Losses on the small and on the large training set.",
    "prle_auc": "Each arm’s AUC over the other datasets: the mean, its interval for people and seeds, a dot per seed.",
    "prle_fig5": "Trained on one forgery method: AUC over the other datasets, plain and with PRLE.",
    "prle_fig3": "Maps of single detectors, and how they are fused.",
    "prle_fig6": "AUC over the other datasets with maps of one to five detectors in the fusion.",
    "prle_fig8": "AUC on test crops whose primary region is hidden to a growing part.",
    "prle_fig9": "Grad-CAM on fakes of Celeb-DF, plain and with PRLE; outlined: forged.",
    "prle_masks": "Faces under the masks of each rule.",
}


def name_of(claim: str) -> str:
    """Return the name of the figure of a claim, "" where none shows it."""
    fitting = [begin for begin in SHOWN if claim.startswith(begin)]
    return SHOWN[max(fitting, key=len)] if fitting else ""


def figure(claim: str, root: Path, up: str = "../") -> str:
    """Return the figure element of a claim, "" where the run left none.

    Args:
        root: the repository's, with reports/figures below it.
        up: the way from the page's folder to reports/.
    """
    name = name_of(claim)
    file = next((f for k in ("svg", "webp") if (f := root / f"reports/figures/{name}.{k}").is_file()), None)
    if not name or file is None:
        return ""
    words = escape(CAPTIONS[name])
    source = f"{up}figures/{file.name}"
    return (
        f'<figure class="shown">\n<a href="{source}"><img src="{source}" alt="{words}" loading="lazy"></a>\n'
        f"<figcaption>{words}</figcaption>\n</figure>"
    )
