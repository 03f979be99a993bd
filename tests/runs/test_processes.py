"""Jobs in processes of their own: order, errors, and no orphans."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from joblib.externals.loky import process_executor

from ddet.errors import InputError
from ddet.runs.processes import _watched, together

KILLED = """
import sys, threading
from ddet.runs.processes import together
def work(pipe):
    print("at work", file=open(pipe, "w"), flush=True)  # the pipe stays open as long as this process lives
    threading.Event().wait()
together([(work, sys.argv[1])] * 2, 2)
"""


def square(x):
    return x * x, os.getpid()


HELD = []


def hoard(_):
    """Keep half a gigabyte from the second call on, where loky looks at the memory after each call."""
    process_executor._MEMORY_LEAK_CHECK_DELAY = 0
    HELD.append(bytearray(b"x") * 500_000_000 if len(HELD) == 1 else None)
    return os.getpid()


def fail(x):
    raise InputError("a.mp4", "empty file", f"delete {x}")


def test_results_come_in_the_order_of_the_calls_from_other_processes():
    found = together([(square, i) for i in range(5)], 2)
    assert [value for value, _ in found] == [0, 1, 4, 9, 16]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.parametrize(("calls", "jobs"), [(3, 1), (1, 4)])
def test_one_job_or_one_call_stays_in_this_process(calls, jobs):
    found = together([(square, i) for i in range(calls)], jobs)
    assert found == [(i * i, os.getpid()) for i in range(calls)], "in the order of the calls"


def test_nothing_to_do_gives_nothing():
    assert together([], 2) == []


def test_a_worker_that_keeps_much_for_the_next_call_stays():
    assert len(set(together([(hoard, i) for i in range(8)], 2))) <= 2


def test_bad_input_found_by_a_worker_is_the_same_line_here():
    with pytest.raises(InputError, match=r"a\.mp4: empty file; delete it"):
        together([(fail, "it")] * 2, 2)


def test_an_error_of_a_worker_is_a_value_there_so_that_none_ends_the_others():
    value, error = _watched(os.getppid(), fail, "it")
    assert value is None and isinstance(error, InputError)
    value, error = _watched(os.getppid(), square, "no number")
    assert value is None and "in square" in error.__notes__[0], "the way to it is kept"


def lines_until_all_are_gone(pipe: int, limit: float = 60.0) -> Iterator[bytes]:
    """Read what processes write to a pipe, until the last of them has ended."""
    while select.select([pipe], [], [], limit)[0]:
        if not (said := os.read(pipe, 4096)):
            return
        yield from said.splitlines()
    raise AssertionError("a worker lives on")


def test_workers_leave_when_their_parent_is_killed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    holding = os.open(tmp_path / "pipe", os.O_WRONLY)  # so that there is no end before the workers have opened it
    parent = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "pipe")])
    try:
        said = lines_until_all_are_gone(pipe)
        assert [next(said), next(said)] == [b"at work"] * 2
        os.close(holding)
        parent.send_signal(signal.SIGKILL)
        assert list(said) == []
    finally:
        parent.kill()
        parent.wait()
        os.close(pipe)
