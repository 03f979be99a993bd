"""What a newcomer's machine lacks is one line, before the environment is built."""

import os
import shutil
import subprocess
import sys

import pytest

from ddet import isa, paths
from ddet.tools import preflight

SCRIPT = "ddet/tools/preflight.py"


@pytest.fixture
def unzipped(tmp_path):
    """Copy what `make` reads into a folder without git, as a downloaded ZIP leaves it."""
    for name in ("Makefile", "requirements.txt", "pyproject.toml", "ddet/isa.py", SCRIPT):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(paths.ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("target", ["repro", "test", "lab", "bits"])
def test_a_zip_is_refused_before_anything_is_installed(unzipped, target):
    done = subprocess.run(["make", target], cwd=unzipped, capture_output=True, text=True)
    assert done.returncode and not (unzipped / ".venv").exists()
    assert done.stderr.startswith(
        f"{unzipped}: no git repository, as in a ZIP; git clone the repository, DVC needs it\n"
    )


def test_a_clone_and_a_worktree_pass(unzipped):
    (unzipped / ".git").write_text("gitdir: elsewhere\n")
    done = subprocess.run([sys.executable, unzipped / SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == (f"{preflight.warning(isa)}\n" if isa.missing() else "")


def test_an_old_python_is_refused_and_the_way_out_named(tmp_path):
    (tmp_path / ".git").mkdir()
    assert preflight.refusal((3, 10, 4)).startswith("Python 3.10: too old, nothing will work; name one from 3.11 on")
    assert preflight.refusal((3, 11, 0), tmp_path) == preflight.refusal((3, 14, 0), tmp_path) == ""


def test_the_script_has_no_syntax_that_an_old_python_lacks():
    import ast

    for name in ("refusal", "warning", "unwritable"):
        assert name in preflight.__dict__
    ast.parse((paths.ROOT / SCRIPT).read_text(), feature_version=(3, 6))


@pytest.mark.parametrize(
    "kind, flags, line",
    [
        ("arm64", "", "this is an arm64 machine: everything works, with other last bits than those recorded"),
        ("x86_64", "sse4_2 avx", "this CPU has no AVX2 and no FMA: everything works, with other last bits"),
        ("x86_64", "avx2 fma", ""),
    ],
)
def test_another_cpu_goes_on_with_one_line(kind, flags, line, monkeypatch):
    monkeypatch.setattr(isa.platform, "machine", lambda: kind)
    monkeypatch.setattr(isa, "flags", lambda: set(flags.split()))
    said = preflight.warning(isa)
    assert said.startswith(line) if line else said == ""


def test_folders_that_may_not_be_written_are_named_with_the_way_out(tmp_path, monkeypatch):
    """Root may write whatever its mode says, so the kernel is asked, and here answers for a mount that is read-only."""
    for name in (".dvc/tmp", "data/runs", "data/raw", "reports"):
        (tmp_path / name).mkdir(parents=True)
    assert preflight.unwritable(tmp_path) == ""
    for shut, said in ((["data/runs", "data/raw"], "data/runs"), (["data", "reports"], "data, reports")):
        places = {str(tmp_path / name) for name in shut}
        monkeypatch.setattr(preflight.os, "access", lambda at, mode, shut=places: not (mode & os.W_OK and at in shut))
        line = f"{said}: cannot be written, make repro fails there; chmod -R u+w, or mount it to be written"
        assert preflight.unwritable(tmp_path) == line, "data itself counts where a folder in it is still to be made"
