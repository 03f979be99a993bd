"""A pipeline killed in a fit, in maps and in a table ends with the files of one that was not; two at once are refused.

benchmarks/kill_repro.py does it to the real pipeline, in every stage.
"""

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_stages import PIPELINE

from ddet import paths

LIMIT = 300  # s
ENV = os.environ | {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "PYTHONPATH": os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "tests")]),
    "DVC_NO_ANALYTICS": "1",
}


def dvc(tree: Path, *words: str) -> subprocess.CompletedProcess:
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    return subprocess.run(["dvc", *words], cwd=tree, env=ENV, check=False, **how)


@pytest.fixture
def trees(tmp_path) -> list[Path]:
    made = [tmp_path / "straight", tmp_path / "killed"]
    for tree in made:
        tree.mkdir()
        (tree / "dvc.yaml").write_text(PIPELINE)
        assert dvc(tree, "init", "-q", "--no-scm").returncode == 0
    return made


def left(tree: Path) -> dict[str, bytes]:
    found = [tree / "dvc.lock", *(tree / "data/runs").rglob("*"), *(tree / "reports").rglob("*")]
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in found if path.is_file()}


def test_killed_in_a_fit_in_maps_and_in_a_table_it_ends_with_the_same_files(trees):
    straight, killed = trees
    done = dvc(straight, "repro")
    assert done.returncode == 0, done.stdout
    for stage in ("fit", "maps", "table"):
        (killed / f"kill-{stage}").touch()
        assert dvc(killed, "repro").returncode == -9 and not (killed / f"kill-{stage}").exists()
        assert not (killed / "dvc.lock").exists() or f"  {stage}:" not in (killed / "dvc.lock").read_text()
    done = dvc(killed, "repro")
    assert done.returncode == 0, done.stdout
    assert left(killed) == left(straight) and len(left(killed)) > 8


def test_a_second_one_is_refused_in_a_line_and_the_first_is_not_disturbed(trees):
    tree = trees[0]
    for pipe in ("told", "pause"):
        os.mkfifo(tree / pipe)
    told, pause = os.open(tree / "told", os.O_RDONLY | os.O_NONBLOCK), os.open(tree / "pause", os.O_RDWR)
    first = subprocess.Popen(["dvc", "repro", "-q"], cwd=tree, env=ENV)
    try:
        assert select.select([told], [], [], LIMIT)[0], "the first is in its fit"
        second = dvc(tree, "repro")
        said = [line for line in second.stdout.splitlines() if line.startswith("ERROR")]
        assert second.returncode != 0 and len(said) == 1, second.stdout
        assert "busy" in second.stdout or "lock" in second.stdout
        os.close(pause)
        assert first.wait(LIMIT) == 0 and (tree / "reports/table.csv").is_file()
    finally:
        first.kill()
        first.wait()
        os.close(told)
