"""Find clips and stills to score: one, a folder, a list, or the tree of a dataset."""

from collections.abc import Sequence
from os.path import commonpath
from pathlib import Path

import pandas as pd

from ddet import params
from ddet.data import index
from ddet.data.layouts import base, folder
from ddet.data.layouts.base import UNLABELLED, Clip
from ddet.errors import InputError

KNOWN = folder.VIDEOS | folder.STILLS


def find(footage: Path, layout: str, cfg: params.Params) -> tuple[pd.DataFrame, Path]:
    """List the clips of `footage` as manifest rows, and the folder their paths are relative to.

    Args:
        footage: a clip, a still, a folder of them (labelled by real/ and fake/ where it has those), or a dataset.
        layout: which adapter reads it; "folder" for anything that is no dataset.

    Raises:
        InputError: no such file or folder, or no clip in it.
    """
    footage = _there(footage)
    labelled = any(f.name.lower() in folder.LABELS for f in base.subfolders(footage))
    if layout != "folder" or labelled:
        update = {"root": str(footage.parent), "datasets": [layout], "folders": {layout: footage.name}}
        update["dfdc_parts"] = []
        return index.build_index(cfg.data.model_copy(update=update), cfg.runtime), footage.parent
    if not footage.is_dir():
        return listed([footage], cfg)
    files = [f for f in base.files_below(footage) if f.suffix.lower() in KNOWN]
    if not files:
        raise InputError(footage, "holds no clip and no still", f"known are {', '.join(sorted(KNOWN))}")
    return _inspected(files, footage, cfg), footage


def listed(files: Sequence[Path], cfg: params.Params) -> tuple[pd.DataFrame, Path]:
    """List single files, wherever they lie, as `find` does.

    Raises:
        InputError: none is named, or one is not there.
    """
    if not files:
        raise InputError("the list", "names no file", "write one path a line")
    there = [_there(file) for file in dict.fromkeys(files)]
    root = Path(commonpath([f.parent for f in there]))
    return _inspected(there, root, cfg), root


def _there(path: Path) -> Path:
    path = path.resolve()
    if not path.exists():
        raise InputError(path, "no such file or folder", "name a clip or a folder of clips")
    return path


def _inspected(files: Sequence[Path], root: Path, cfg: params.Params) -> pd.DataFrame:
    names = [f.relative_to(root).as_posix() for f in files]
    clips = [base.readable(Clip("folder", "unlabelled", name, UNLABELLED, path=name)) for name in names]
    return index.inspect(clips, root, cfg.runtime, progress=False)
