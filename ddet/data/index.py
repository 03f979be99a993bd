"""The manifest: one typed row per clip that is there or was promised, with what it holds or why it cannot be used.

`python -m ddet.data.index --root DIR --dataset dfdc` prints the table of expected against found counts for one dataset
and what is unusable.
"""

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from ddet import cluster, params, paths
from ddet.data import layouts, video
from ddet.data.expected import expected_vs_found
from ddet.data.layouts.base import Clip
from ddet.data.leakage import leakage
from ddet.errors import InputError

__all__ = ["COLUMNS", "build_index", "expected_vs_found", "inspect", "leakage", "unusable"]

# label is -1 only on unusable rows; found: the file is there; listed_in: the dataset's own file that names the clip
COLUMNS = {
    "clip_id": "str", "dataset": "str", "method": "str", "compression": "str", "stem": "str", "path": "str",
    "label": "int8", "target_id": "str", "source_id": "str", "source_ids": "str", "original": "str", "group": "str",
    "official_split": "str", "fps": "float64", "width": "int32", "height": "int32", "frames": "int32",
    "rotation": "int16", "has_audio": "bool", "status": "str", "reason": "str", "found": "bool", "listed_in": "str",
}  # fmt: skip
NOTHING = video.VideoInfo(fps=0.0, width=0, height=0, frames=0, rotation=0, has_audio=False)
Probe = Callable[[Path], video.VideoInfo]


def build_index(
    cfg: params.Data, runtime: params.Runtime, probe: Probe = video.probe, progress: bool = True
) -> pd.DataFrame:  # fmt: skip
    """Scan the chosen datasets and look into every file: the rows of clips.parquet, sorted by clip_id.

    An `ok` row may carry a remark in `reason` (not listed, truncated at the end); an `unusable` one always has one.

    Raises:
        InputError: a dataset's folder is absent or holds no clip, no clip is usable, or a split file is damaged.
    """
    clips = inspect(layouts.scan(cfg), paths.resolve(cfg.root), runtime, probe, progress)
    if not (clips["status"] == "ok").any():
        cause = f"none of {len(clips)} clips can be used, the first: {clips['reason'].iloc[0]}"
        raise InputError(paths.resolve(cfg.root), cause, "see what is there: python -m ddet.data.index --help")
    return clips


def inspect(
    clips: list[Clip], root: Path, runtime: params.Runtime, probe: Probe = video.probe, progress: bool = True
) -> pd.DataFrame:  # fmt: skip
    """Look into the file of every usable clip below `root` and make the manifest's rows."""
    there = [clip for clip in clips if clip.status == "ok"]
    files = tqdm([root / clip.path for clip in there], desc="index", unit="clip", disable=not progress)
    with parallel_config(backend=runtime.backend):  # Parallel's own argument fails for dask
        looks = Parallel(n_jobs=runtime.jobs)(delayed(_look)(probe, f) for f in files)
    held = {clip.clip_id: look for clip, look in zip(there, looks, strict=True)}
    return _frame(_row(clip, *held.get(clip.clip_id, (NOTHING, ""))) for clip in clips)


def unusable(clips: pd.DataFrame) -> pd.DataFrame:
    """List the clips that cannot be used, with their reason."""
    return clips.loc[clips.status == "unusable", ["clip_id", "path", "reason"]].reset_index(drop=True)


def _look(probe: Probe, path: Path) -> tuple[video.VideoInfo, str]:
    """Probe one file in a worker; a file that cannot be read is a reason, not an exception."""
    try:
        info = probe(path)
    except (InputError, OSError) as e:
        return NOTHING, getattr(e, "cause", None) or f"cannot be read ({type(e).__name__})"
    return info, "" if info.frames > 0 else "no frames"


def _row(clip: Clip, info: video.VideoInfo, fault: str) -> dict:
    clip = clip.unusable(fault) if fault else clip.remark(info.note)
    held = {k: v for k, v in asdict(info).items() if k in COLUMNS}
    return asdict(clip) | held | {"clip_id": clip.clip_id, "source_ids": ";".join(clip.source_ids)}


def _frame(rows: Iterable[dict]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return frame.sort_values("clip_id", ignore_index=True)


def main(argv: list[str] | None = None) -> int:
    """Print expected against found counts for one dataset, then what is unusable; exit 2 where no clip is usable."""
    parser = argparse.ArgumentParser(prog="python -m ddet.data.index", description=main.__doc__)
    parser.add_argument("--root", required=True, help="the folder that holds the dataset folders")
    parser.add_argument("--dataset", required=True, choices=list(layouts.ADAPTERS))
    parser.add_argument("--folder", help="the dataset's folder below root, where it is not the one of the params file")
    parser.add_argument("--params", default=paths.PARAMS, help="params file for everything else")
    args = parser.parse_args(argv)
    try:
        whole = params.load(args.params)
        folders = whole.data.folders | ({args.dataset: args.folder} if args.folder else {})
        update = {"root": str(Path(args.root).resolve()), "datasets": [args.dataset], "folders": folders}
        cfg = whole.data.model_copy(update=update)
        with cluster.opened(whole.runtime):
            clips = inspect(layouts.scan(cfg), paths.resolve(cfg.root), whole.runtime)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    print(expected_vs_found(clips, cfg).to_string(index=False))
    lost = unusable(clips)
    print(f"\n{len(lost)} of {len(clips)} clips unusable" + (":" if len(lost) else ""))
    print("\n".join(f"  {row.clip_id}: {row.reason}" for row in lost.itertuples()))
    return 2 if len(lost) == len(clips) else 0


if __name__ == "__main__":
    sys.exit(main())
