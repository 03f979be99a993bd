"""Stages side by side: the order, what runs at once, what a failure leaves, what is said."""

import io
import os
import subprocess
import sys
import threading

import pytest

from ddet.tools import side_by_side

# Each of `left` and `right` waits for the other, so one after the other they would end by their time limit.
MEETING = """
stages:
  left:
    cmd: timeout 60 sh -c 'echo met > pipe' && echo left > left.txt
    outs: [left.txt]
  right:
    cmd: timeout 60 cat pipe > right.txt
    outs: [right.txt]
  both:
    cmd: cat left.txt right.txt > both.txt
    deps: [left.txt, right.txt]
    outs: [both.txt]
"""
FAILING = """
stages:
  bad:
    cmd: exit 3
    outs: [bad.txt]
  after:
    cmd: cp bad.txt after.txt
    deps: [bad.txt]
    outs: [after.txt]
  good:
    cmd: timeout 60 cat pipe && echo good > good.txt
    outs: [good.txt]
  later:
    cmd: cp good.txt later.txt
    deps: [good.txt]
    outs: [later.txt]
"""


def dvc(folder, *words):
    env = os.environ | {"DVC_NO_ANALYTICS": "1"}
    return subprocess.run([sys.executable, "-m", "dvc", *words], cwd=folder, env=env, capture_output=True, text=True)


@pytest.fixture
def pipeline(tmp_path):
    """Return a function that lays out a pipeline, with a named pipe."""

    def laid(text):
        (tmp_path / "dvc.yaml").write_text(text)
        assert dvc(tmp_path, "init", "-q", "--no-scm").returncode == 0
        os.mkfifo(tmp_path / "pipe")
        return tmp_path

    return laid


def test_stages_that_do_not_need_each_other_run_at_once_and_dvc_finds_them_up_to_date(pipeline, capfd):
    folder = pipeline(MEETING)
    assert side_by_side.needs(folder) == {"left": set(), "right": set(), "both": {"left", "right"}}
    assert side_by_side.run(folder, 2, {"both": 120.0}) == 0
    assert (folder / "both.txt").read_text() == "left\nmet\n"
    assert "up to date" in dvc(folder, "status").stdout
    said = capfd.readouterr().out.splitlines()
    ended = [line for line in said if " done after " in line]
    assert [line.split(":")[0] for line in ended][2] == "both" and ended[2].endswith("; 0 of 3 stages left")
    assert ended[1].endswith("; 1 of 3 stages left, some 1 min")
    assert any(line.startswith("left | Running stage 'left'") for line in said)


def test_after_a_failure_nothing_begins_and_what_runs_is_kept(pipeline, capfd):
    folder = pipeline(FAILING)

    def ended(line):
        if line.startswith("bad: failed"):  # `good` waits for this, whether it has begun to read or will
            threading.Thread(target=(folder / "pipe").write_text, args=("failed",), daemon=True).start()

    said, side_by_side._say = side_by_side._say, ended
    try:
        assert side_by_side.run(folder, 2, {}) != 0
    finally:
        side_by_side._say = said
    assert (folder / "good.txt").read_text() == "good\n"
    assert not (folder / "after.txt").exists() and not (folder / "later.txt").exists()
    assert "good.txt" in (folder / "dvc.lock").read_text()


def test_the_longest_chain_by_hand():
    graph = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}
    assert side_by_side.longest(graph, {"a": 2.0, "b": 5.0, "d": 10.0}) == {"a": 17.0, "b": 15.0, "c": 11.0, "d": 10.0}


def test_of_a_progress_bar_its_last_state_is_said_and_each_line_once():
    stream = io.BufferedReader(io.BytesIO(b"one\n\n\r 1%\r 50%\r100%\ntwo"))
    assert list(side_by_side.lines(stream)) == ["one", "100%", "two"]
    stream = io.BufferedReader(io.BytesIO(b"one\n\r 1%\r 50%\r100%\n"))
    assert list(side_by_side.lines(stream, every=0.0)) == ["one", "1%", "50%", "100%"]
