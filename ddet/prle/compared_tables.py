"""What the compared detectors cost, and whether each has learnt enough at home to be compared."""

import pandas as pd

from ddet import models, params, published
from ddet.models import cost
from ddet.prle import compared
from ddet.prle.scores import Scored
from ddet.report import tables
from ddet.stats import pooling

COMPETENT = 0.93  # frame AUC on FF++: below it a row says little of its method
AUC = "frame_auc"


def costs() -> pd.DataFrame:
    """Count parameters and multiply-adds of the full-size networks, beside the parameters of the original codes.

    One row of data/published/networks.csv each: GFLOPs are multiply-adds of one image of the network's own size,
    of convolutions and matrix products; a fixed front counts.
    """
    lines = []
    for row in published.facts("networks").itertuples():
        given = {"name": row.network, "backbone": row.backbone, "size": int(row.size)}
        net = params.Model(**given, form="released", swin=None, width=1)
        count, macs = cost.count(lambda net=net: models.create(net), net.size)
        line = {"detector": row.row, "size": net.size, "parameters": count, "original": int(row.parameters)}
        lines.append(line | {"GFLOPs": macs / 1e9, "original code": row.where, "note": row.note})
    return pd.DataFrame(lines)


def slim(section: params.Prle) -> pd.DataFrame:
    """Tabulate the networks of a profile: what each needs in training, its parameters and its multiply-adds."""
    lines = []
    for name, other in compared.chosen(section).items():
        net = compared.model_of(section, other)
        count, macs = cost.count(lambda net=net: models.create(net), net.size)
        line = {"detector": name, "network": net.name, "backbone": net.backbone, "size": net.size}
        needs = ", ".join(compared.needs_of(net)) or "nothing"
        lines.append(line | {"needs": needs, "parameters": count, "GFLOPs": macs / 1e9})
    return pd.DataFrame(lines)


def known(section: params.Prle, scored: Scored) -> pd.DataFrame:
    """Tabulate the AUC of each detector on FF++ and on the other sets, with intervals, and whether it is competent.

    The plain backbones follow, which lend the noise of their seeds to detectors with one. `competent` holds where the
    AUC on FF++ is COMPETENT at least.
    """
    sets = {"FF++": ["ffpp"]} | {title: [d] for title, d in section.tests.items()}
    sets["AVG"] = list(section.tests.values())
    names = [name for name in (*compared.chosen(section), *section.detectors) if scored.has(name)]
    found = pooling.pooled({n: {title: scored.over(n, parts, AUC) for title, parts in sets.items()} for n in names})
    lines = [
        {"detector": name}
        | {title: tables.with_interval(e) for title, e in cells.items()}
        | {"competent": bool(cells["FF++"].value >= COMPETENT)}
        for name, cells in found.items()
    ]
    return pd.DataFrame(lines)


def in_words(found: pd.DataFrame) -> str:
    """Say which detectors fail the premise of the comparison, from what `known` returned."""
    bound = f"a frame AUC of {COMPETENT:g} on FF++"
    below = found.loc[~found["competent"]]
    if below.empty:
        return f"Each detector has {bound} or more."
    told = ", ".join(f"{name} {auc}" for name, auc in zip(below["detector"], below["FF++"], strict=True))
    return f"Below {bound}, so that the row says little of its method: {told}."
