"""Locks: one process at a time, told who holds it, and freed however the holder ends."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from ddet import paths
from ddet.errors import InputError
from ddet.runs import locks


@pytest.fixture
def path(tmp_path):
    yield tmp_path / "deep" / "lock"
    locks.free(tmp_path / "deep" / "lock")


@pytest.fixture
def other(path):
    """Start another process that holds the lock, or waits to be told to take it."""
    code = """
        import sys
        from pathlib import Path
        from ddet.errors import InputError
        from ddet.runs import locks
        try:
            locks.take(Path(sys.argv[1]), "it")
            print("held", flush=True)
        except InputError as e:
            print(e, flush=True)
        sys.stdin.read()
    """
    started = []

    def start() -> tuple[subprocess.Popen, str]:
        child = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, env={**os.environ, "PYTHONPATH": str(paths.ROOT)},
        )  # fmt: skip
        started.append(child)
        return child, child.stdout.readline().strip()

    yield start
    for child in started:
        child.kill()
        child.wait()


def test_another_process_is_kept_out_and_told_who_is_in(path, other):
    locks.take(path, "stage x")
    assert path.read_text() == str(os.getpid())
    _, said = other()
    assert said == f"it: in use: process {os.getpid()} works in it; wait for it, or end it: kill {os.getpid()}"


def test_a_held_lock_names_what_it_keeps_us_out_of(path, other):
    child, said = other()
    assert said == "held"
    with pytest.raises(
        InputError, match=rf"^stage x: in use: process {child.pid} works in it; [^\n]*kill {child.pid}$"
    ):
        locks.take(path, "stage x")
    assert path.read_text() == str(child.pid), "the holder's name stays"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_ends_with_its_process_however_that_ends(path, other, end):
    child, _ = other()
    child.send_signal(end)
    child.wait()
    locks.take(path, "x")
    assert path.read_text() == str(os.getpid()), "a shorter number leaves nothing of a longer one"


def test_taking_twice_is_no_error_and_freeing_once_lets_others_in(path, other):
    locks.take(path, "x")
    locks.take(path.parent / "." / path.name, "x")
    locks.free(path)
    assert other()[1] == "held"


def test_freeing_what_is_not_held_does_nothing(path, other):
    locks.free(path)
    assert not path.exists()
    other()
    locks.free(path)
    with pytest.raises(InputError):
        locks.take(path, "x")


def test_locks_of_other_paths_are_others(path, other):
    locks.take(path.with_name("another"), "x")
    assert other()[1] == "held"
    locks.free(path.with_name("another"))


def test_a_refused_process_may_take_it_later(path, other):
    child, _ = other()
    with pytest.raises(InputError):
        locks.take(path, "x")
    child.kill()
    child.wait()
    locks.take(path, "x")
    _, said = other()
    assert "in use" in said, "the refusal left nothing that looks like holding it"


def test_a_lock_without_a_name_is_of_an_unknown_process(path, other):
    child, _ = other()
    path.write_text("")
    with pytest.raises(InputError, match="process unknown works in it"):
        locks.take(path, "x")
    assert child.poll() is None
