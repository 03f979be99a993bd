"""Compute Figure 2 of Herd as numbers: the share of attention on eyes, rest of the face, background and forgery."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from ddet import params
from ddet.attention import measure as attention_measure
from ddet.stats import bootstrap, verdicts
from ddet.stats.premise import Premise
from ddet.stats.verdicts import RESULT

ROW = ["clip_id", "frame_idx", "track", "group", "label"]
BLANK = "blank"  # column: whether a map is zero everywhere


def parts(regions: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Divide crops into eyes, the rest of the face and background (bool n x S x S each); `forged` lies across them."""
    found = {"eyes": regions["eyes"], "rest of face": regions["face"] & ~regions["eyes"]}
    found["background"] = regions["background"] & ~regions["eyes"]
    return found | {name: regions[name] for name in ("forged",) if name in regions}


def measure(
    runs: pd.DataFrame, maps: Sequence[np.ndarray], rows: pd.DataFrame, divided: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Measure the share of each part for every run and crop.

    Args:
        runs: one row per run, with the columns arm and seed.
        maps: Grad-CAM of each run: n x S x S, for the n crops of `rows`.
        divided: what `parts` gives.

    Returns:
        One row per run and crop: arm, seed, the columns that identify the crop, BLANK, and one per part; nan where the
        crop lacks the part. A map that is zero everywhere prefers no place: its shares are those of an even map, so
        that all arms are measured on the same crops.
    """
    tables = []
    for run, of_run in zip(runs.itertuples(), maps, strict=True):
        found, blank = attention_measure.region_shares(of_run, divided), ~of_run.any(axis=(1, 2))
        found.loc[blank, "share"] = found.loc[blank, "area"].to_numpy()
        known = found["share"].join(rows[ROW].reset_index(drop=True))
        tables.append(known.assign(**{"arm": run.arm, "seed": run.seed, BLANK: blank}))
    return pd.concat(tables, ignore_index=True)[["arm", "seed", *ROW, BLANK, *divided]]


def summary(shares: pd.DataFrame, divided: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Average the shares: a row per part, a column per arm, and `even`: the area, as a uniform map would give.

    The last row, BLANK, is the share of maps that are zero everywhere.
    """
    table = shares.groupby("arm", sort=False)[[*divided, BLANK]].mean().T
    area = {name: np.mean([part.mean() for part in region if part.any()]) for name, region in divided.items()}
    return table.assign(even=pd.Series(area))


def values(shares: pd.DataFrame, arm: str, part: str) -> np.ndarray:
    """Return the shares of an arm as float seeds x n, the crops in the order of the table."""
    of_arm = shares[shares["arm"] == arm]
    return np.stack([seed[part].to_numpy(float) for _, seed in of_arm.groupby("seed")])


def differences(pairs: Sequence[tuple[str, str]], shares: pd.DataFrame, cfg: params.Report) -> pd.DataFrame:
    """Tabulate share(a) - share(b) of pairs of arms, per part: effect, interval over people, seed noise, reading."""
    lines = []
    rows = _rows(shares)
    for a, b in pairs:
        for part in shares.columns.drop(["arm", "seed", *ROW, BLANK]):
            gain = bootstrap.paired_values(values(shares, a, part), values(shares, b, part), rows, cfg)
            lines.append([f"{a} - {b}", part, *verdicts.reading(gain, cfg.confidence), gain.frames])
    return pd.DataFrame(lines, columns=["difference", "part", *verdicts.READING, "crops"])


def judge(
    shares: pd.DataFrame, divided: Mapping[str, np.ndarray], keys: Mapping[str, Sequence[str]], cfg: params.Report,
    where: str, premises: Sequence[Premise] = (),
) -> pd.DataFrame:  # fmt: skip
    """Test those of the paper's two claims on eyes that the arms in `shares` allow; return the ledger's columns.

    That eyes and background get most attention is tested against an even map, whose shares are the areas in `divided`.
    """
    rows, arms = _rows(shares), set(shares["arm"])
    lines = [pd.DataFrame(columns=RESULT)]
    if "Base" in arms:
        eyes, rest, background = (values(shares, "Base", part) for part in ("eyes", "rest of face", "background"))
        even = _even(divided["eyes"]) + _even(divided["background"]) - _even(divided["rest of face"])
        most = bootstrap.mean_values(np.nan_to_num(eyes) + background - rest - even, rows, cfg)
        lines.append(verdicts.line("herd-eyes", most, keys["Base"], cfg, where, premises=premises))
    if {"Base", "MEP"} <= arms:
        less = bootstrap.paired_values(values(shares, "Base", "eyes"), values(shares, "MEP", "eyes"), rows, cfg)
        lines.append(verdicts.line("herd-mep-eyes", less, [*keys["Base"], *keys["MEP"]], cfg, where, premises=premises))
    return pd.concat([line for line in lines if len(line)] or lines, ignore_index=True)


def resolved(divided: Mapping[str, np.ndarray], cells: int) -> Premise:
    """Return the premise of both claims: an eye covers at least one of the cells x cells of the map."""
    area = _even(divided["eyes"])
    covered = area[area > 0].mean() / 2 * cells**2 if area.any() else np.nan  # a part is both eyes
    return Premise("cells of the map that an eye covers:", float(covered), least=1)


def _even(part: np.ndarray) -> np.ndarray:
    """Return the share that an even map has on a part (bool n x S x S): its area, n values."""
    return part.mean(axis=(1, 2))


def _rows(shares: pd.DataFrame) -> pd.DataFrame:
    first = shares[["arm", "seed"]].iloc[0]
    return shares.loc[(shares["arm"] == first["arm"]) & (shares["seed"] == first["seed"]), ROW].reset_index(drop=True)
