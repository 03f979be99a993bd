"""How a notebook opens: its sections and no others, one line about the machine, its seed, its lock, its sources."""

import fcntl
from pathlib import Path

import pytest
import torch
from params_files import edit

from ddet import isa, notebook, params, paths
from ddet.errors import InputError
from ddet.runs import locks

SMOKE = "profiles/smoke.yaml"
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """Keep the lock out of the tree and the thread count as it was."""
    monkeypatch.delenv("DDET_NOTEBOOK", raising=False)
    monkeypatch.setattr(paths, "DATA", tmp_path)
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_gives_the_sections_asked_for_and_no_others():
    opened, whole = notebook.start(SMOKE, "herd", "report"), params.load(SMOKE)
    assert vars(opened) == {
        "profile": "smoke", "synthetic": True, "runtime": whole.runtime, "herd": whole.herd, "report": whole.report,
    }  # fmt: skip


def test_prints_one_line_about_where_it_runs(capsys):
    notebook.start(SMOKE)
    line = capsys.readouterr().out
    assert line == f"profile smoke · synthetic benchmark · device {DEVICE} · {isa.in_force('avx2')} · 1 threads\n"


def test_says_so_where_the_data_are_real(tmp_path, capsys):
    file = edit(tmp_path / "p.yaml", {"benchmark/render": False, "runtime/device": "cpu"}, paths.ROOT / SMOKE)
    assert not notebook.start(str(file)).synthetic
    assert "real data · device cpu" in capsys.readouterr().out


@pytest.fixture
def asked(tmp_path):
    """Write smoke params for a CPU, with one edit."""

    def write(old, new):
        text = (paths.ROOT / SMOKE).read_text().replace("device: auto", "device: cpu")
        assert old in text
        (tmp_path / "p.yaml").write_text(text.replace(old, new))
        return str(tmp_path / "p.yaml")

    return write


@pytest.mark.parametrize(
    "choice, flags, line",
    [
        (
            "avx2",
            "avx2 fma",
            "precision = 'bf16': this CPU has no units for it; expect 7 to 25 times the time of fp32\n",
        ),
        ("avx2", "avx2 fma amx_bf16", "precision = 'bf16': runtime.isa = 'avx2' leaves no units for it; expect 7 to "),
        ("native", "avx2 fma avx512_bf16", ""),
        ("native", "avx2 fma", "precision = 'bf16': this CPU has no units for it"),
    ],
)
def test_bf16_on_a_cpu_without_it_is_one_line(asked, choice, flags, line, monkeypatch, capsys):
    monkeypatch.setattr(isa, "flags", lambda: set(flags.split()))
    file = Path(asked("precision: fp32", "precision: bf16"))
    file.write_text(file.read_text().replace("isa: avx2", f"isa: {choice}"))
    notebook.start(str(file), "herd")
    said = capsys.readouterr().err
    assert said.startswith(line) if line else said == ""
    notebook.start(str(file), "report")  # nothing is trained there
    assert capsys.readouterr().err == ""


def test_a_machine_that_cannot_be_pinned_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(isa.platform, "machine", lambda: "aarch64")
    notebook.start(SMOKE)
    told = capsys.readouterr()
    assert " · native · " in told.out
    assert told.err == (
        "runtime.isa = 'avx2': this is an aarch64 machine; everything works, with other last bits than those recorded\n"
    )


def test_a_process_that_was_not_pinned_in_time_is_refused(monkeypatch):
    monkeypatch.setattr(isa, "late", ("numpy",))
    with pytest.raises(InputError, match="numpy loaded before the pins"):
        notebook.start(SMOKE)


def test_the_same_sections_give_the_same_draws_and_the_threads_are_pinned():
    drawn = []
    for sections in (["herd"], ["herd"], ["start"]):
        torch.set_num_threads(1)
        notebook.start(SMOKE, *sections)
        drawn.append(torch.rand(3).tolist())
        assert torch.get_num_threads() == params.load(SMOKE).runtime.threads
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_bad_params_file_is_one_line(tmp_path):
    (tmp_path / "p.yaml").write_text("profile: [")
    with pytest.raises(InputError, match="not YAML"):
        notebook.start(str(tmp_path / "p.yaml"))


def test_a_second_copy_of_a_stage_is_kept_out(monkeypatch, tmp_path):
    monkeypatch.setenv("DDET_NOTEBOOK", "20_herd")
    (tmp_path / ".locks").mkdir()
    with (tmp_path / ".locks" / "20_herd").open("w") as held:  # another handle, as another process would have
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("4242")
        held.flush()
        with pytest.raises(InputError, match="notebook 20_herd: in use: process 4242"):
            notebook.start(SMOKE)
    notebook.start(SMOKE)
    notebook.start(SMOKE)  # a cell run again
    locks.free(tmp_path / ".locks" / "20_herd")


def test_a_notebook_opened_by_hand_takes_no_lock(tmp_path):
    notebook.start(SMOKE)
    assert not (tmp_path / ".locks").exists()


class Shown:
    """Something to show."""

    def method(self):
        return 1


def test_shows_the_source_of_functions_classes_and_modules():
    blocks = notebook.show_source(Shown, Shown.method, locks).data.split("\n\n```python\n")
    assert (
        blocks[0]
        == '```python\nclass Shown:\n    """Something to show."""\n\n    def method(self):\n        return 1\n```'
    )
    assert blocks[1] == "def method(self):\n    return 1\n```"
    assert blocks[2].startswith('"""File locks') and "def free(" in blocks[2] and len(blocks) == 3
