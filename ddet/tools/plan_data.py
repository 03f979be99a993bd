"""Count the clips and crops that a profile would have, from what the datasets promise or the renderer will write."""

import pandas as pd

from ddet import params
from ddet.data import expected
from ddet.data.layouts.ffpp import METHODS

BYTES_A_PIXEL = 1.9  # of a PNG of a face; rendered and real ones alike within a third
SECONDS = {"ffpp": 17, "celebdf": 13, "dfdc": 10, "df1": 17, "folder": 10}  # of a clip, on average
FRAME_RATE = {"ffpp": 28.0, "celebdf": 30.0, "dfdc": 30.0, "df1": 28.0, "folder": 30.0}
DOWNLOAD_GB = {  # by dataset and unit
    "ffpp": {"raw": 500.0, "c23": 10.0, "c40": 2.0},
    "celebdf": 10.0,
    "dfdc": 9.4,  # a part; 470 GB in 50
    "df1": 4.0,  # a variant; 284 GB with all source clips
}
PARTS = 50  # of DFDC's training set


def crops(cfg: params.Params) -> pd.DataFrame:
    """Return a line a dataset: dataset, clips, crops, train (crops of the official or derived split), reals (among
    them), bytes of a crop, download in GB.
    """
    clips = _rendered(cfg.benchmark) if cfg.benchmark.render else _promised(cfg.data)
    lines = []
    for dataset in (d for d in cfg.data.datasets if d in clips):
        real, fake = clips[dataset]
        each, rule = per_clip(cfg, dataset), cfg.faces.of(dataset)
        share = 0.72 if dataset == "ffpp" else cfg.splits.of(dataset).ratios[0]
        train = round((real + fake) * each * share)
        download = 0.0 if cfg.benchmark.render else _download(cfg.data, dataset)
        lines.append(
            (dataset, real + fake, (real + fake) * each, train, round(real * each * share),
             round(rule.size**2 * BYTES_A_PIXEL), download)
        )  # fmt: skip
    return pd.DataFrame(lines, columns=["dataset", "clips", "crops", "train", "reals", "bytes", "download"])


def per_clip(cfg: params.Params, dataset: str) -> int:
    """Return how many crops a clip of a dataset gives at most, one face a frame."""
    rule = cfg.faces.of(dataset)
    seconds = cfg.benchmark.frames / cfg.benchmark.fps if cfg.benchmark.render else SECONDS[dataset]
    frames = cfg.benchmark.frames if cfg.benchmark.render else round(seconds * FRAME_RATE[dataset])
    if rule.sampling == "fps":
        return min(frames, int(seconds * rule.fps) + 1)
    return min(rule.frames, frames if rule.sampling == "even" else -(-frames // rule.every))


def _promised(cfg: params.Data) -> dict[str, tuple[int, int]]:
    parts = [p for p in cfg.dfdc_parts if p.startswith("dfdc_train_part")] or [""] * PARTS
    tested = not cfg.dfdc_parts or "test" in cfg.dfdc_parts
    of_part = [expected.DFDC["train parts", kind]["train"] * len(parts) // PARTS for kind in ("real", "fake")]
    of_test = [expected.DFDC["test", kind]["test"] * tested for kind in ("real", "fake")]
    ffpp = sum(expected.FFPP.values())
    celebdf = {part: sum(counts.values()) for part, counts in expected.CELEBDF.items()}
    fake = celebdf.pop("Celeb-synthesis")
    return {
        "ffpp": (ffpp, ffpp * len(METHODS)),
        "celebdf": (sum(celebdf.values()), fake),
        "dfdc": (of_part[0] + of_test[0], of_part[1] + of_test[1]),
        "df1": (ffpp, sum(expected.DF1.values()) * len(cfg.df1_variants)),
    }


def _rendered(cfg: params.Benchmark) -> dict[str, tuple[int, int]]:
    pairs, actors = 2 * cfg.ffpp.pairs, cfg.df1.actors
    celebdf = cfg.celebdf.identities * cfg.celebdf.clips_per_identity + cfg.celebdf.youtube
    dfdc = cfg.dfdc.parts * cfg.dfdc.originals + cfg.dfdc.test_clips // 2
    return {
        "ffpp": (pairs, pairs * len(cfg.ffpp.methods)),
        "celebdf": (celebdf, cfg.celebdf.fakes),
        "dfdc": (dfdc, cfg.dfdc.parts * cfg.dfdc.fakes + cfg.dfdc.test_clips // 2),
        "df1": (actors, actors * len(cfg.df1.variants)),
        "folder": (cfg.jitter.people, cfg.jitter.people),
    }


def _download(cfg: params.Data, dataset: str) -> float:
    if dataset == "ffpp":
        return DOWNLOAD_GB["ffpp"][cfg.compression]
    units = {"celebdf": 1, "dfdc": len(cfg.dfdc_parts) or PARTS + 1, "df1": len(cfg.df1_variants)}
    return DOWNLOAD_GB.get(dataset, 0.0) * units.get(dataset, 0)
