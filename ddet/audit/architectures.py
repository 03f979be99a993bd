"""Check 12: instantiate the named architectures without weights, and count their parameters and operations."""

from collections.abc import Mapping
from functools import cache

import pandas as pd
import timm
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from ddet.audit.arithmetic import cells
from ddet.audit.counts import about, records
from ddet.audit.findings import Finding, at, plural
from ddet.audit.rounding import exact, interval, unit
from ddet.published import digits

SIZES = (224, 256, 299, 380)  # px: the inputs in use for these networks, tried when the stated one does not fit
CLASSES = (2, 1000)
TOLERANCE = 1e-3  # relative: counting tools differ by pooling layers and biases, not by more
PER_NORMALISED = 4  # operations per value of a normalisation layer, as the counting tool `thop` has them
MILLION, GIGA = 1e6, 1e9


@cache
def parameters(name: str, classes: int) -> int:
    """Count the parameters of a timm model with this many outputs."""
    return sum(p.numel() for p in _build(name, classes).parameters())


@cache
def operations(name: str, classes: int, size: int) -> dict[str, int]:
    """Count the operations of one forward pass of one size x size image, under three conventions in use.

    Runs on the meta device: shapes only, no weights, no arithmetic.
    """
    model, normalised = _build(name, classes), []
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.register_forward_hook(lambda _, inputs, __: normalised.append(inputs[0].numel()))
    with FlopCounterMode(display=False) as counter:
        model(torch.empty(1, 3, size, size, device="meta"))
    flops = counter.get_total_flops()
    macs = flops // 2
    return {
        "multiply-adds": macs,
        "multiply-adds and normalisation": macs + PER_NORMALISED * sum(normalised),
        "multiplications and additions": flops,
    }


def _build(name: str, classes: int) -> nn.Module:
    with torch.device("meta"):
        return timm.create_model(name, pretrained=False, num_classes=classes).eval()


def against_architectures(stated: pd.DataFrame, frame: pd.DataFrame) -> list[Finding]:
    """Compare printed parameters (in millions) and GFLOPs with the architecture measured here.

    `stated` has columns id, row, model (timm name), classes, size (px), batch, parameters and operations (columns).
    """
    known, found = cells(frame), []
    for line in records(stated):
        found.append(about(_judge_parameters(known[line["row"], line["parameters"]], line), line["id"]))
        found.append(about(_judge_operations(known[line["row"], line["operations"]], line), line["id"]))
    return found


def _judge_parameters(cell: Mapping, line: Mapping) -> Finding:
    measured = {classes: parameters(line["model"], classes) / MILLION for classes in CLASSES}
    here = measured[int(line["classes"])]
    shown = f"{here:.{digits(cell['printed']) + 1}f}M"
    start = (
        f"Table {cell['table']}, {cell['row']}: {cell['printed']} parameters; {line['model']} with {line['classes']}"
    )
    start += f" outputs has {shown}"
    if _prints(cell["printed"], here):
        return at(cell, 12, shown, "consistent", f"{start}.")
    other = [classes for classes, value in measured.items() if _prints(cell["printed"], value)]
    text = f"{start}; with {other[0]} outputs it has {measured[other[0]]:.3f}M." if other else f"{start}."
    return at(cell, 12, shown, "differs", text)


def _prints(printed: str, value: float) -> bool:
    low, high = (float(bound) for bound in interval(printed))
    return low <= value <= high


def _judge_operations(cell: Mapping, line: Mapping) -> Finding:
    """Compare with the stated size under every convention, for one image and for the stated batch; then other sizes."""
    size, printed = int(line["size"]), float(exact(cell["printed"]))
    tried = {
        (side, images, how): GIGA**-1 * images * count
        for side in SIZES
        for images in (1, int(line["batch"]))
        for how, count in operations(line["model"], int(line["classes"]), side).items()
    }
    slack = max(TOLERANCE * printed, float(unit(cell["printed"])) / 2)
    fits = {key: value for key, value in tried.items() if abs(value - printed) <= slack}
    near = min((key for key in tried if key[0] == size), key=lambda key: abs(tried[key] / printed - 1))
    start = f"Table {cell['table']}, {cell['row']}: {cell['printed']} GFLOPs"
    if any(side == size for side, _, _ in fits):
        return at(cell, 12, f"{tried[near]:.2f}", "consistent", f"{start} are {_words(near)}.")
    text = f"{start}; nearest at the stated {size} px is {tried[near]:.2f} ({_words(near)})."
    text += "".join(f" {tried[key]:.2f} are {_words(key)}." for key in fits)
    return at(cell, 12, f"{tried[near]:.2f}", "differs", text)


def _words(key: tuple[int, int, str]) -> str:
    side, images, how = key
    return f"{how} of {images} image{plural(images)} of {side} px"
