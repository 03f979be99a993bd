"""Lend the preparation (rendering, probing, face extraction) a dask cluster where `runtime.backend` asks for one.

joblib's backend of that name sends its tasks to whatever client is open, so what computes knows nothing of clusters:
the results are those of one process, byte for byte. Training is not sent anywhere. `distributed` is imported only
here, when it is asked for: it is slow to load, and opens sockets.
"""

import logging
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ddet import isa, params, paths
from ddet.errors import InputError

WAIT = 10  # s for a scheduler to answer, and for its first worker


@contextmanager
def opened(runtime: params.Runtime, shared: Path = paths.ROOT) -> Iterator[None]:
    """Give joblib its workers while the block runs; do nothing unless `runtime.backend` is "dask".

    `runtime.scheduler` is the address of a scheduler, whose workers serve; None starts `runtime.jobs` processes on
    this machine, which end with the block. Each worker has one thread, the instruction sets of this process
    (`isa.require`), and sees `shared`, the folder below which clips are read and crops are written.

    Raises:
        InputError: distributed is not installed, no scheduler or no worker answers within WAIT s, or a worker is not
            fit to serve.
    """
    if runtime.backend != "dask":
        yield
        return
    with _client(runtime) as client:
        _check(client, runtime, shared)
        yield


@contextmanager
def _client(runtime: params.Runtime) -> Iterator[Any]:
    try:
        import distributed
    except ImportError:
        remedy = "install it (pip install distributed), or set runtime.backend to loky"
        raise InputError("runtime.backend = 'dask'", "the package distributed is not installed", remedy) from None
    if runtime.scheduler is not None:
        with _remote(runtime.scheduler) as client:
            yield client
        return
    how = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "silence_logs": logging.ERROR}
    with distributed.LocalCluster(n_workers=runtime.jobs, **how) as local, distributed.Client(local) as client:
        yield client


@contextmanager
def _remote(address: str) -> Iterator[Any]:
    import distributed

    where = f"runtime.scheduler = {address!r}"
    remedy = "start one (dask scheduler), and give the address that it prints, tcp://HOST:PORT"
    try:
        # A client that finds nobody goes on trying when it is thrown away, so somebody is looked for first.
        socket.create_connection(distributed.comm.get_address_host_port(address), WAIT).close()
        client = distributed.Client(address, timeout=WAIT)
    except OSError as e:
        raise InputError(where, f"no scheduler answers there within {WAIT} s ({e})", remedy) from None
    except ValueError as e:
        raise InputError(where, f"is no address ({e})", remedy) from None
    with client:
        try:
            client.wait_for_workers(1, timeout=WAIT)
        except TimeoutError:
            remedy = f"start one: dask worker {address} --nthreads 1, see docs/beyond_one_machine.md"
            raise InputError(where, f"the scheduler has no worker within {WAIT} s", remedy) from None
        yield client


def _check(client: Any, runtime: params.Runtime, shared: Path) -> None:
    """Refuse a worker that would compute other bits, or that cannot read and write where this process does."""
    threads = {worker: n for worker, n in client.nthreads().items() if n != 1}
    with tempfile.NamedTemporaryFile(dir=shared, prefix=".seen_by_workers_") as file:
        faults = client.run(_fault, runtime.isa, file.name, on_error="return")
    for worker, fault in sorted(faults.items()):
        if isinstance(fault, Exception):
            fault = f"cannot run ddet ({fault})"
        if fault := fault or (f"has {threads[worker]} threads" if worker in threads else ""):
            remedy = "start it as docs/beyond_one_machine.md says"
            raise InputError(f"dask worker {worker}", fault, remedy)


def _fault(wanted: str, seen: str) -> str:
    """Say, in a worker, why it cannot serve: "" where it can."""
    try:
        isa.require(wanted)
    except InputError as e:
        return e.cause
    return "" if os.path.exists(seen) else f"does not see {os.path.dirname(seen)}"
