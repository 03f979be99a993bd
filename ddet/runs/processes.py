"""Run several jobs at once, each in a process that ends with the one that started it."""

import math
import os
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from joblib import Parallel, delayed
from joblib.externals.loky import process_executor

from ddet.errors import InputError

POLL = 0.5  # s between two looks at whether the parent is alive


def together(calls: Sequence[tuple[Callable, ...]], jobs: int) -> list[Any]:
    """Call each (function, *arguments), at most `jobs` at a time, and return the results in order.

    A single call, or a single job, runs in this process. An exception in a worker is raised here after all others
    have ended, so that none of their work is lost. A process killed with `kill -9` cannot stop its workers; they
    watch it and exit, so that a rerun never finds an orphan that writes into the same folder.
    """
    if jobs == 1 or len(calls) < 2:
        return [function(*arguments) for function, *arguments in calls]
    workers = Parallel(n_jobs=min(jobs, len(calls)), backend="loky", batch_size=1)
    found = workers(delayed(_watched)(os.getpid(), function, *arguments) for function, *arguments in calls)
    for _, error in found:
        if error is not None:
            raise error
    return [value for value, _ in found]


def _watched(parent: int, function: Callable, *arguments: Any) -> tuple[Any, Exception | None]:
    """Return the function's result or its exception: joblib kills the other workers where one raises."""
    # loky replaces a worker that has grown by 300 MB since its first call. What grows here are crops that the next fit
    # needs again, and a new worker imports torch anew: 8 of them cost PRLE's fits a minute.
    process_executor._MAX_MEMORY_LEAK_SIZE = math.inf
    done = threading.Event()
    threading.Thread(target=_leave_with, args=(parent, done), daemon=True).start()
    try:
        return function(*arguments), None
    except Exception as e:
        if not isinstance(e, InputError):
            e.add_note(traceback.format_exc())  # pickling drops the traceback
        return None, e
    finally:
        done.set()


def _leave_with(parent: int, done: threading.Event) -> None:
    while not done.is_set():
        if os.getppid() != parent:
            os._exit(1)
        time.sleep(POLL)
