"""Functions that every notebook starts with: read parameters, seed, take the stage's lock, show source code."""

import inspect
import os
import textwrap
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import torch
from IPython.display import Markdown

from ddet import params, paths
from ddet.runs import locks
from ddet.seeds import derive, seed_everything


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
        InputError: a params file that does not validate, or the same notebook still running elsewhere.
    """
    everything = params.load(params_file)
    if name := os.environ.get("DDET_NOTEBOOK"):  # set by ddet.nbrun; killing `dvc` alone leaves its kernel running
        locks.take(paths.DATA / ".locks" / name, f"notebook {name}")
    runtime = everything.runtime
    seed_everything(derive("notebook", *sections), runtime.threads)
    cuda = runtime.device == "cuda" or (runtime.device == "auto" and torch.cuda.is_available())
    data = "synthetic benchmark" if everything.benchmark.render else "real data"
    print(f"profile {everything.profile} · {data} · device {'cuda' if cuda else 'cpu'} · {runtime.threads} threads")
    always = {"profile": everything.profile, "synthetic": everything.benchmark.render, "runtime": runtime}
    return SimpleNamespace(**always, **{name: getattr(everything, name) for name in sections})


def show_source(*things: Callable | type | ModuleType) -> Markdown:
    """Display the source of functions, classes or modules, so that the notebook need not copy it."""
    blocks = [f"```python\n{textwrap.dedent(inspect.getsource(thing)).strip()}\n```" for thing in things]
    return Markdown("\n\n".join(blocks))
