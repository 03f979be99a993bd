"""Make one run by several processes of this machine, `runtime.processes` of them, each with a GPU of its own."""

import os
import socket
import traceback
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import torch
from torch.multiprocessing import ProcessContext, ProcessExitedException, ProcessRaisedException, start_processes

from ddet import params
from ddet.data import crop_loader
from ddet.errors import InputError
from ddet.training import ranks

CODE = ["ddet.training.ranks"]  # what computes a shared run beside the code of the run


def code(own: list[str], runtime: params.Runtime) -> list[str]:
    """Return the modules that compute a run: its own, and those that share it where it is shared."""
    return own if runtime.processes == 1 else [*own, *CODE]


def shared(fit: Callable[[Path], None], runtime: params.Runtime) -> Callable[[Path], None]:
    """Return what makes the run that `fit` makes, by `runtime.processes` processes: with one, `fit` as it is.

    Args:
        fit: writes a run into a folder; can be pickled, and fits one Learner by `learner.fit`.
        runtime: its `device` says where, see `crop_loader.device`.

    Raises:
        InputError: fewer GPUs than processes; from what is returned: a process was killed. What `fit` raises is raised.
    """
    if runtime.processes == 1:
        return fit
    on = crop_loader.device(runtime.device)
    if on.type == "cuda" and torch.cuda.device_count() < runtime.processes:
        cause = f"torch finds {torch.cuda.device_count()} CUDA devices"
        raise InputError(f"runtime.processes = {runtime.processes}", cause, "each process needs a GPU: set it to that")
    return partial(_by_processes, fit, runtime.processes, runtime.threads, on.type)


def _by_processes(fit: Callable[[Path], None], world: int, threads: int, device: str, out: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = get_context("spawn").SimpleQueue()
    try:
        _wait(start_processes(_rank, (world, port, threads, device, fit, out, told), world, False, False, "spawn"))
    except ProcessRaisedException:
        if told.empty():
            raise
        raise told.get() from None
    except ProcessExitedException as e:
        cause = f"process {e.error_index + 1} of {world} that made it was killed"
        remedy = "rerun: it goes on from its last epoch; if memory was short, lower bs"
        raise InputError(out, cause, remedy) from None


def _wait(started: ProcessContext) -> None:
    try:
        while not started.join():
            pass
    finally:
        for process in started.processes:
            process.terminate()  # where this process is interrupted; it does nothing to one that has ended


def _rank(
    rank: int, world: int, port: int, threads: int, device: str, fit: Callable, out: Path, told: SimpleQueue
) -> None:  # fmt: skip
    os.environ["OMP_NUM_THREADS"] = str(threads)  # else accelerate chooses a number
    if device == "cuda":
        torch.cuda.set_device(rank)
    ranks.join(rank, world, port)
    try:
        fit(out)
    except ranks.Helped:
        pass
    except Exception as e:
        if not isinstance(e, InputError):
            e.add_note(traceback.format_exc())  # pickling drops the traceback
        told.put(e)
        raise
