"""The commit that pages name: the last that changed what the pipeline reads, in a checkout of its own."""

import os
import subprocess

import pytest

from ddet.report import commit

PIPELINE = """
stages:
  a:
    cmd: x
    deps: [ddet/a.py, "${data.root}"]
    outs: [data/results, reports/a.csv: {cache: false}]
    plots: [reports/a.svg: {x: n}]
  page:
    cmd: y
    deps: [ddet/b.py, data/results/a.csv, reports, reports/a.csv, reports/a.svg]
    metrics: [reports/index.html]
"""


def git(root, *words, day=1):
    date = f"2024-05-0{day}T23:30:00+0200"
    names = {f"GIT_{who}_{what}": "t" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **names, "GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z", "GIT_COMMITTER_DATE": date}
    return subprocess.run(["git", *words], cwd=root, env=env, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path):
    """Build a checkout with a pipeline of two stages, committed on the first of May."""
    root = tmp_path / "checkout"
    for name in ("ddet/a.py", "ddet/b.py", "data/results/a.csv", "reports/a.csv", "README.md", "params.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("1")
    (root / "dvc.yaml").write_text(PIPELINE)
    git(root, "init", "-q")
    commit_all(root, 1)
    return root


def commit_all(root, day):
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "x", day=day)


def changed(root, name, day):
    (root / name).write_text(f"changed on {day}")
    commit_all(root, day)
    return git(root, "rev-parse", "HEAD")[:10]


def test_what_stages_read_and_none_writes_is_named(root):
    assert commit.read_by(root / "dvc.yaml") == ["dvc.yaml", "params.yaml", "ddet/a.py", "ddet/b.py"]


def test_a_change_of_code_is_named_and_a_commit_of_reports_after_it_is_not(root):
    code = changed(root, "ddet/b.py", 2)
    for day, name in enumerate(("reports/a.csv", "data/results/a.csv", "README.md", "dvc.lock"), start=3):
        changed(root, name, day)
    assert commit.told(root) == f"{code} of 2024-05-02, the last that changed what the pipeline reads"
    knob = changed(root, "params.yaml", 7)
    assert commit.told(root).startswith(f"{knob} of 2024-05-07, ")


def test_a_clone_says_the_same_and_a_shallow_one_that_it_cannot_know(root, tmp_path):
    changed(root, "ddet/a.py", 2)
    changed(root, "README.md", 3)
    assert "2024-05-02" in commit.told(root)
    for name, depth in (("whole", ()), ("enough", ("--depth", "3")), ("shallow", ("--depth", "2"))):
        git(tmp_path, "clone", "-q", *depth, root.as_uri(), name)
    assert commit.told(tmp_path / "whole") == commit.told(tmp_path / "enough") == commit.told(root)
    assert commit.told(tmp_path / "shallow") == commit.SHALLOW


def test_changes_that_no_commit_holds_are_said_and_those_of_reports_are_not(root):
    (root / "reports/a.csv").write_text("2")
    assert "since" not in commit.told(root)
    (root / "ddet/a.py").write_text("2")
    assert commit.told(root).endswith("reads, with changes since that no commit holds")


def test_without_a_checkout_of_its_own_nothing_is_claimed(root, monkeypatch):
    inner = root / "demo"
    inner.mkdir()
    (inner / "dvc.yaml").write_text(PIPELINE)
    assert commit.told(inner) == commit.UNKNOWN, "a demo lies inside the checkout"
    (root / ".git").rename(root / "no-git")
    assert commit.told(root) == commit.UNKNOWN
    (root / "no-git").rename(root / ".git")
    monkeypatch.setenv("PATH", "")
    assert commit.told(root) == commit.UNKNOWN, "no git on this machine"
