"""Jobs in processes of their own: order, errors, and no orphans."""

import os
import signal
import subprocess
import sys
import time

import pytest

from ddet.errors import InputError
from ddet.runs.processes import together

KILLED = """
import os, sys, time
from ddet.runs.processes import together
def work(folder):
    open(os.path.join(folder, str(os.getpid())), "w").close()
    time.sleep(60)
together([(work, sys.argv[1])] * 2, 2)
"""


def square(x):
    return x * x, os.getpid()


HELD = []


def hoard(_):
    """Keep half a gigabyte from the second call on."""
    HELD.append(bytearray(b"x") * 500_000_000 if len(HELD) == 1 else None)
    time.sleep(0.6)
    return os.getpid()


def fail(x):
    raise InputError("a.mp4", "empty file", f"delete {x}")


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split()[2] != "Z"
    except OSError:
        return False


def test_results_come_in_the_order_of_the_calls_from_other_processes():
    found = together([(square, i) for i in range(5)], 2)
    assert [value for value, _ in found] == [0, 1, 4, 9, 16]
    assert os.getpid() not in {pid for _, pid in found}


@pytest.mark.parametrize(("calls", "jobs"), [(3, 1), (1, 4)])
def test_one_job_or_one_call_stays_in_this_process(calls, jobs):
    assert {pid for _, pid in together([(square, 2)] * calls, jobs)} == {os.getpid()}


def test_nothing_to_do_gives_nothing():
    assert together([], 2) == []


def test_a_worker_that_keeps_much_for_the_next_call_stays():
    assert len(set(together([(hoard, i) for i in range(8)], 2))) == 2


def test_bad_input_found_by_a_worker_is_the_same_line_here():
    with pytest.raises(InputError, match=r"a\.mp4: empty file; delete it"):
        together([(fail, "it")] * 2, 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_leave_when_their_parent_is_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)])
    try:
        deadline = time.monotonic() + 30
        while len(list(tmp_path.iterdir())) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        workers = [int(p.name) for p in tmp_path.iterdir()]
        assert len(workers) == 2 and all(map(alive, workers))
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        time.sleep(2.5)
        assert not any(map(alive, workers))
    finally:
        parent.kill()
