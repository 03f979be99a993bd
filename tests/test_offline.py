"""The refusal of the network in tests of the pipeline: it refuses, says whom, and lets the loopback through."""

import os
import subprocess
import sys

import pytest

from ddet import paths

OFFLINE = paths.ROOT / "tests" / "offline"
LOOPBACK = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
socket.getaddrinfo("localhost", 80)
"""


def started(code: str, log, folder=OFFLINE) -> subprocess.CompletedProcess:
    env = os.environ | {"PYTHONPATH": str(folder), "DDET_OFFLINE_LOG": str(log)}
    return subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("code", "host"),
    [
        ("import socket; socket.getaddrinfo('example.invalid', 80)", "example.invalid"),
        ("import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)", "192.0.2.1"),
        ("import urllib.request; urllib.request.urlopen('http://example.invalid/x')", "example.invalid"),
    ],
)
def test_every_python_process_is_refused_and_the_attempt_is_noted(tmp_path, code, host):
    """With the blocker emptied no line is written, and this fails: what the tests of the pipeline rest on."""
    done = started(code, tmp_path / "log")
    assert done.returncode == 1 and f"no network in this test: {host}" in done.stderr
    assert set((tmp_path / "log").read_text().splitlines()) == {host}


def test_an_attempt_that_a_library_swallows_is_noted_too(tmp_path):
    code = "import socket\ntry:\n    socket.getaddrinfo('example.invalid', 80)\nexcept OSError:\n    pass"
    assert started(code, tmp_path / "log").returncode == 0
    assert (tmp_path / "log").read_text() == "example.invalid\n"


def test_kernels_can_still_be_talked_to(tmp_path):
    done = started(LOOPBACK, tmp_path / "log")
    assert done.returncode == 0 and not (tmp_path / "log").exists(), done.stderr
