"""One adapter per dataset, which reads the official folder layout into rows with the same columns."""

from collections.abc import Callable

from ddet import params
from ddet.data.layouts import base, celebdf, df1, dfdc, ffpp, folder, misplaced
from ddet.data.layouts.base import Clip

ADAPTERS: dict[str, Callable[[params.Data], list[Clip]]] = {
    "ffpp": ffpp.scan,
    "celebdf": celebdf.scan,
    "dfdc": dfdc.scan,
    "df1": df1.scan,
    "folder": folder.scan,
}


def scan(cfg: params.Data) -> list[Clip]:
    """List the clips of all chosen datasets, sorted by their unique clip_id; no video is opened.

    Raises:
        InputError: a dataset's folder is absent or holds no clip where its layout has them, a list is damaged.
    """
    clips = [clip for dataset in cfg.datasets for clip in _clips(dataset, cfg)]
    return sorted(base.distinct(clips), key=lambda c: c.clip_id)


def _clips(dataset: str, cfg: params.Data) -> list[Clip]:
    clips = [base.readable(clip) for clip in ADAPTERS[dataset](cfg)]
    if not any(clip.found for clip in clips):
        raise misplaced.error(base.home(cfg, dataset), dataset, cfg)
    return clips
