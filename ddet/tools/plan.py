"""Estimate what a profile needs before anything starts: python -m ddet.tools.plan [profiles/paper.yaml]

The fits and the maps are those that the notebooks would ask for, found by the same code; clips are those that the
datasets promise; sizes of networks are counted. What a GPU does in an hour is an assumption that --tflops changes.
Exit status 1 where the disk is too small.
"""

import argparse
import shutil
import sys
from pathlib import Path

import pandas as pd

from ddet import params, paths
from ddet.errors import InputError
from ddet.tools import plan_data, plan_fits

GIGA = 1e9
SLACK = 1.3  # of an estimate that is compared with the disk: run folders, caches, crops that compress badly
TFLOPS = 15.0  # what training sustains in full precision on a GPU of 2021 to 2024, operations a second / 1e12
NOTE = "maps are of the crops that fits read, 2 bytes a pixel; fewer crops (prle.per_class) or seeds make them fewer"


def estimate(cfg: params.Params, tflops: float = TFLOPS) -> pd.DataFrame:
    """Return one line a kind of need: what, count, GB on disk, GB to download, GPU-hours, GB of memory."""
    crops = plan_data.crops(cfg)
    fits = plan_fits.fits(cfg, crops)
    maps = plan_fits.maps(cfg, crops)
    lines = [(f"clips of {row.dataset}", row.clips, row.download, row.download) for row in crops.itertuples()]
    table = pd.DataFrame(lines, columns=["what", "count", "disk_gb", "download_gb"])
    cut = [(f"crops of {row.dataset}", row.crops, row.crops * row.bytes / GIGA) for row in crops.itertuples()]
    table = pd.concat([table, pd.DataFrame(cut, columns=["what", "count", "disk_gb"])])
    trained = [
        (f"runs of {paper}", len(of), of["bytes"].sum() / GIGA, of["operations"].sum() / tflops / 1e12 / 3600,
         of["memory"].max() / GIGA)
        for paper, of in fits.groupby("paper", sort=False)
    ]  # fmt: skip
    table = pd.concat([table, pd.DataFrame(trained, columns=["what", "count", "disk_gb", "gpu_hours", "memory_gb"])])
    begun = fits.drop_duplicates("backbone")
    starts = {"what": "start weights", "count": len(begun), "disk_gb": begun["bytes"].sum() / GIGA}
    starts |= {"download_gb": starts["disk_gb"] if "timm" in cfg.start.backbones.values() else 0.0}
    located = {"what": "maps of PRLE", "count": len(maps), "disk_gb": maps["bytes"].sum() / GIGA}
    return pd.concat([table, pd.DataFrame([located, starts])], ignore_index=True).fillna(0.0).astype({"count": int})


def _main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ddet.tools.plan", description="Estimate what a profile needs.")
    parser.add_argument("params", nargs="?", default=paths.PARAMS, type=Path, help="a params file (params.yaml)")
    parser.add_argument("--tflops", type=float, default=TFLOPS, help=f"what your GPU sustains in training ({TFLOPS:g})")
    args = parser.parse_args(argv)
    try:
        table = estimate(params.load(args.params), args.tflops)
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    needs, free = table["disk_gb"].sum() * SLACK, shutil.disk_usage(paths.ROOT).free / GIGA
    print(table.round(1).to_string(index=False))
    print(
        f"\n{table['download_gb'].sum():.0f} GB to download, {table['gpu_hours'].sum():.0f} GPU-hours at "
        f"{args.tflops:g} TFLOPS, {table['memory_gb'].max():.0f} GB of memory on the GPU at most;\n"
        f"{needs:.0f} GB of disk with {SLACK - 1:.0%} to spare, {free:.0f} GB are free here. {NOTE}."
    )
    if needs > free:
        print(InputError(paths.DATA, f"{needs - free:.0f} GB too few", "link data/ to a larger disk"), file=sys.stderr)
    return int(needs > free)


if __name__ == "__main__":
    sys.exit(_main())
