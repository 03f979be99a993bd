"""Measure what the auto-encoded copy, the second view of GenConViT, tells the network about a face."""

from pathlib import Path

import pandas as pd
import torch

from ddet.data import crop_loader
from ddet.models import make_backbone
from ddet.models.genconvit import GenConViTED, TwoViews
from ddet.runs import finished
from ddet.seeds import seed_everything

FIRST = 0  # seed of the untrained network
MEASURES = ("copy varies", "image varies", "logit moves", "logit varies")


@torch.inference_mode()
def measured(model: TwoViews, images: torch.Tensor) -> dict[str, float]:
    """Compare the copies that `model` makes of different faces, and let it do without the differences.

    Args:
        model: any GenConViT of two views, in eval mode.
        images: normalised, n x 3 x S x S, n faces.

    Returns:
        `copy varies` and `image varies`: the standard deviation over faces, averaged over pixels and channels.
        `logit moves`: the largest change of any logit when the features of each copy are replaced by their mean over
        faces. `logit varies`: the standard deviation of the logits over faces, to be read beside it.
    """
    views = model.views(images)
    last = model.cam_call == -1  # whether the image comes last
    copy, image = views if last else views[::-1]
    of_copy, of_image = model.features(copy), model.features(image)
    alike = of_copy.mean(0, keepdim=True).expand_as(of_copy)

    def judged(of_copy: torch.Tensor) -> torch.Tensor:
        return model.head(torch.cat((of_copy, of_image) if last else (of_image, of_copy), dim=1))

    logits = judged(of_copy)
    values = copy.std(0).mean(), image.std(0).mean(), (logits - judged(alike)).abs().max(), logits.std(0).mean()
    return {name: float(value) for name, value in zip(MEASURES, values, strict=True)}


def of_runs(done: pd.DataFrame, rows: pd.DataFrame, crops: Path) -> pd.DataFrame:
    """Measure finished runs on the faces in `rows`: one line a run, with its arm and seed."""
    lines = []
    for run in done.itertuples():
        size = finished.config_of_run(run.folder)["model"]["size"]
        found = measured(finished.load_model(run.folder), faces(rows, crops, size))
        lines.append({"arm": run.arm, "seed": run.seed, **found})
    return pd.DataFrame(lines, columns=["arm", "seed", *MEASURES])


def at_full_size(rows: pd.DataFrame, crops: Path) -> dict[str, float]:
    """Measure the paper's own network on the faces in `rows` before any training: ConvNeXt-T, width 16, 224 px."""
    seed_everything(FIRST, torch.get_num_threads())
    return measured(GenConViTED(make_backbone("convnext_tiny")).eval(), faces(rows, crops, 224))


def faces(rows: pd.DataFrame, crops: Path, size: int) -> torch.Tensor:
    """Load crops as a network sees them: float32 n x 3 x size x size, normalised."""
    loader = crop_loader.eval_loader(rows, crop_loader.Loading(crops, size, 32, crop_loader.device("cpu")))
    return torch.cat([images for images, _ in loader])
