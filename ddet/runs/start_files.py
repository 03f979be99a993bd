"""The start weights in `data/start`: small files that stand in git, made again only where their recipe changes.

A file says in its header what made it: the source and the settings that shape it, not the code or the machine. So an
edit of the training code, which makes every fit anew, leaves the start weights alone, and a fresh clone has them.
`rm data/start/NAME.safetensors` makes one again. Fits are keyed by the bytes of the file that they start from.
"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from pickle import UnpicklingError

import pandas as pd
from safetensors import SafetensorError, safe_open

from ddet import params, paths
from ddet.errors import InputError
from ddet.hashing import canonical, digest
from ddet.runs.processes import together
from ddet.training import learner, pretraining, start_weights

EXPLAINED = ".csv"  # beside the weights: what of its task a backbone can do on people whom it has not seen


def prepare(
    cfg: params.Start, backbones: Sequence[str], runtime: params.Runtime, folder: Path = paths.START
) -> pd.DataFrame:
    """Make what `folder` lacks, `runtime.fits` at a time, and return the rows of `starts.TABLE`, one a backbone.

    Raises:
        InputError: as `start_weights.start_weights`, or the folder cannot be written.
    """
    sources = {name: cfg.backbones[name] for name in backbones}
    files = {name: file_of(name, source, folder) for name, source in sources.items() if source != "none"}
    lacking = [(_make, cfg, name, file, runtime) for name, file in files.items() if recipe_of(file) != asked(cfg, name)]
    try:
        together(lacking, runtime.fits)
    except OSError as e:
        raise InputError(e.filename or folder, f"cannot be written ({e.strerror})", "free the place, then rerun") from e
    keys = {name: digest(file.read_bytes()) for name, file in files.items()}
    rows = [(n, s, keys.get(n, ""), paths.relative(files[n]) if n in files else "") for n, s in sources.items()]
    return pd.DataFrame(rows, columns=["backbone", "source", "key", "file"])


def file_of(backbone: str, source: str, folder: Path = paths.START) -> Path:
    """Return where the weights of a backbone lie; timm's, which are large, in a folder that git ignores."""
    return folder / ("timm" if source == "timm" else "") / f"{backbone}.safetensors"


def asked(cfg: params.Start, backbone: str) -> str:
    """Return the recipe of a backbone's weights: its source, and the settings that this source reads."""
    source = cfg.backbones[backbone]
    read = {"package": (), "timm": ("weights",)}.get(source, ("seed", "images", "identities", "size", "train"))
    return canonical({"source": source, **{k: v for k, v in cfg.model_dump().items() if k in read}})


def recipe_of(file: Path) -> str | None:
    """Read the recipe that a file of weights was made by; None where there is none, or no such file."""
    try:
        with safe_open(file, "pt") as weights:
            return (weights.metadata() or {}).get("recipe")
    except (OSError, SafetensorError):
        return None


def _make(cfg: params.Start, backbone: str, file: Path, runtime: params.Runtime) -> None:
    """Make one file in a folder of its own, where a killed fit finds its checkpoint, then put it in its place.

    The folder is named after the recipe: a fit of another one must not go on from that checkpoint.
    """
    recipe = asked(cfg, backbone)
    work = file.parent / f".{backbone}-{digest(recipe.encode())}"
    try:
        start_weights.start_weights(cfg, backbone, work, runtime)
    except (SafetensorError, UnpicklingError, EOFError) as e:
        remedy = "fetch it again: an error page or a pointer of Git LFS may lie there"
        raise InputError(f"start.weights = {cfg.weights!r}", f"holds no weights ({type(e).__name__})", remedy) from None
    start_weights.label(work / learner.WEIGHTS, recipe)
    file.with_suffix(EXPLAINED).unlink(missing_ok=True)
    if (work / pretraining.EXPLAINED).is_file():
        os.replace(work / pretraining.EXPLAINED, file.with_suffix(EXPLAINED))
    os.replace(work / learner.WEIGHTS, file)
    shutil.rmtree(work)
