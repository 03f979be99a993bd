"""Functions that every notebook starts with: read parameters, seed, take the stage's lock, show source code."""

import inspect
import os
import sys
import textwrap
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

from IPython.display import Markdown

from ddet import isa, params, paths
from ddet import machine as machines
from ddet.runs import locks
from ddet.seeds import derive, seed_everything

BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # a CPU with one of these computes in bf16 (the last is Arm's)


def start(params_file: str, *sections: str) -> SimpleNamespace:
    """Start a notebook: validate the params file, take the stage's lock, seed, and print device and profile.

    Args:
        params_file: a params file, relative to the repository root.
        sections: the top-level sections that this notebook may read; a contract test holds them to the stage's
            `params:` in dvc.yaml, so that an edit elsewhere cannot change this notebook without running it again.

    Returns:
        The sections as attributes, and what every notebook may read: `profile` (a name for captions), `synthetic`
        (is the data rendered?) and `runtime`.

    Raises:
        InputError: a params file that does not validate, instruction sets that were not pinned in time, or the same
            notebook still running elsewhere.
    """
    everything = params.load(params_file)
    isa.require(everything.runtime.isa)
    if name := os.environ.get("DDET_NOTEBOOK"):  # set by ddet.nbrun; killing `dvc` alone leaves its kernel running
        locks.take(paths.DATA / ".locks" / name, f"notebook {name}")
    runtime = everything.runtime
    seed_everything(derive("notebook", *sections), runtime.threads)
    machine = machines.of(runtime)
    data = "synthetic benchmark" if everything.benchmark.render else "real data"
    where = f"device {machine['device']} · {machine['isa']} · {runtime.threads} threads"
    print(f"profile {everything.profile} · {data} · {where}")
    chosen = {name: getattr(everything, name) for name in sections}
    for line in (_not_the_same_bits(runtime), "" if machine["device"] == "cuda" else _slow(chosen, machine["isa"])):
        if line:
            print(line, file=sys.stderr)
    always = {"profile": everything.profile, "synthetic": everything.benchmark.render}
    return SimpleNamespace(**always, runtime=runtime, **chosen)


def _not_the_same_bits(runtime: params.Runtime) -> str:
    why = isa.missing() if runtime.isa == "avx2" else ""
    return f"runtime.isa = 'avx2': {why}; everything works, with other last bits than those recorded" if why else ""


def _slow(sections: dict[str, params.Section], in_force: str) -> str:
    """Say so where a CPU is asked for bf16 that it can only emulate; measured on one with AVX2 alone."""
    trained = [section.train for section in sections.values() if hasattr(section, "train")]
    if not any(train.precision == "bf16" for train in trained):
        return ""
    if in_force == "native" and isa.flags() & BF16:
        return ""
    why = "runtime.isa = 'avx2' leaves no units for it" if isa.flags() & BF16 else "this CPU has no units for it"
    return f"precision = 'bf16': {why}; expect 7 to 25 times the time of fp32"


def show_source(*things: Callable | type | ModuleType) -> Markdown:
    """Display the source of functions, classes or modules, so that the notebook need not copy it."""
    blocks = [f"```python\n{textwrap.dedent(inspect.getsource(thing)).strip()}\n```" for thing in things]
    return Markdown("\n\n".join(blocks))
