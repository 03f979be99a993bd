"""What every notebook opens with: its parameters, its seed, its lock, and the source it is about."""

import fcntl
import inspect
import os
import textwrap
from collections.abc import Callable
from types import ModuleType, SimpleNamespace

import torch
from IPython.display import Markdown

from ddet import params, paths
from ddet.errors import InputError
from ddet.seeds import derive, seed_everything

_held: list = []  # open lock files: the kernel holds them until it ends, however it ends


def start(params_file: str, *sections: str) -> SimpleNamespace:
    """Open a notebook: validate the params file, take the stage's lock, seed, and say where this runs.

    Args:
        params_file: a params file, relative to the repository root.
        sections: the top-level sections that this notebook may read; a contract test holds them to the stage's
            `params:` in dvc.yaml, so that an edit elsewhere cannot change this notebook without running it again.

    Returns:
        The sections as attributes, and `profile` (a name for captions).

    Raises:
        InputError: a params file that does not validate, or the same notebook still running elsewhere.
    """
    everything = params.load(params_file)
    _lock(os.environ.get("DDET_NOTEBOOK"))
    runtime = everything.runtime
    seed_everything(derive("notebook", *sections), runtime.threads)
    cuda = runtime.device == "cuda" or (runtime.device == "auto" and torch.cuda.is_available())
    data = "synthetic benchmark" if everything.benchmark.render else "real data"
    print(f"profile {everything.profile} · {data} · device {'cuda' if cuda else 'cpu'} · {runtime.threads} threads")
    return SimpleNamespace(profile=everything.profile, **{name: getattr(everything, name) for name in sections})


def show_source(*things: Callable | type | ModuleType) -> Markdown:
    """Render the source of functions, classes or modules into the page, so that the method is read, not copied."""
    blocks = [f"```python\n{textwrap.dedent(inspect.getsource(thing)).strip()}\n```" for thing in things]
    return Markdown("\n\n".join(blocks))


def _lock(name: str | None) -> None:
    """Keep a second copy of a stage out: killing `dvc` alone leaves its kernel running."""
    if not name:
        return
    folder = paths.DATA / ".locks"
    folder.mkdir(parents=True, exist_ok=True)
    handle = open(folder / f"{name}.lock", "a+")  # noqa: SIM115 (held open on purpose)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.seek(0)
        holder = handle.read().strip() or "unknown"
        raise InputError(name, f"already running as process {holder}", "wait for it to end, or end it") from None
    handle.truncate(0)
    handle.write(str(os.getpid()))
    handle.flush()
    _held.append(handle)
