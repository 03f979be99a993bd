"""Reports: two executions are the same bytes, a failed one leaves the old report alone."""

import errno
import json
import os
from datetime import UTC, datetime

import nbformat
import pytest

from ddet import nbrun, paths
from ddet.errors import InputError


@pytest.fixture
def notebooks(tmp_path, monkeypatch):
    """Point the runner at a throw-away tree and write notebooks into it."""
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(paths, "ROOT", tmp_path)

    def write(name, *sources):
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s, id=f"c{i}") for i, s in enumerate(sources)])
        nbformat.write(nb, tmp_path / "notebooks" / f"{name}.ipynb")

    return write


def test_two_runs_are_the_same_bytes(notebooks, tmp_path):
    notebooks(
        "noisy",
        "import os, sys, time\nprint(object(), f'/x/ipykernel_{os.getpid()}/1.py', os.getcwd() + '/a')",
        "print(time.time(), file=sys.stderr)\nprint('a'); print('b', flush=True); print('c')",
    )
    first = nbrun.run("noisy", tmp_path / "r1").read_bytes()
    assert nbrun.run("noisy", tmp_path / "r2").read_bytes() == first
    cells = nbformat.reads(first.decode(), 4).cells
    assert cells[0].outputs[0].text == "<object object at 0x0> /x/ipykernel/1.py a\n"
    assert [o.text for o in cells[1].outputs] == ["a\nb\nc\n"]  # one chunk, no standard error
    assert "version" not in nbformat.reads(first.decode(), 4).metadata.language_info  # Python's patch release


def test_a_failing_notebook_keeps_the_old_report(notebooks, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paths, "REPORTS", tmp_path / "reports")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "bad.ipynb").write_text("old")
    notebooks("bad", "1 / 0")
    with pytest.raises(Exception, match="ZeroDivisionError"):
        nbrun.run("bad", tmp_path / "reports")
    assert (tmp_path / "reports" / "bad.ipynb").read_text() == "old"


def test_an_input_error_in_a_cell_is_one_line(notebooks, tmp_path, capsys, monkeypatch):
    notebooks("bad", "from ddet.errors import InputError\nraise InputError('a.mp4', 'empty file', 'delete it')")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    assert nbrun._main(["bad"]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == "notebooks/bad.ipynb, cell 1: InputError: a.mp4: empty file; delete it"


def test_a_killed_kernel_is_one_line_and_leaves_the_old_report(notebooks, tmp_path, capsys, monkeypatch):
    notebooks("big", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "big.ipynb").write_text("old")
    assert nbrun._main(["big"]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    place = tmp_path / "notebooks" / "big.ipynb"
    assert said == f"{place}: its kernel was killed; rerun it: what was finished is kept; often memory was short"
    assert (tmp_path / "reports" / "big.ipynb").read_text() == "old"


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_report_that_cannot_be_written_is_one_line(notebooks, tmp_path, capsys, monkeypatch, fault):
    def refuse(*_, **__):
        raise OSError(fault, os.strerror(fault), str(tmp_path / "reports" / "a.partial.ipynb"))

    notebooks("a", "1")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    monkeypatch.setattr(nbrun.papermill, "execute_notebook", refuse)
    assert nbrun._main(["a"]) == 2
    place = tmp_path / "reports" / "a.partial.ipynb"
    said = f"{place}: cannot be written ({os.strerror(fault)}); free the place, then rerun"
    assert capsys.readouterr().err.strip() == said


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_cell_that_cannot_write_is_one_line(notebooks, tmp_path, capsys, monkeypatch, fault):
    """The index, the crops and the tables are written by cells."""
    notebooks("a", f"import os\nraise OSError({fault}, os.strerror({fault}), 'data/faces/faces.parquet')")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    assert nbrun._main(["a"]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1].startswith("notebooks/a.ipynb, cell 1: ")
    assert said[-1].endswith(
        f"[Errno {fault}] {os.strerror(fault)}: 'data/faces/faces.parquet'; free the place, then rerun: what was "
        "finished is kept"
    )
    assert not any("Traceback" in line for line in said)


def test_other_errors_of_a_cell_come_with_their_traceback(notebooks, tmp_path, capsys, monkeypatch):
    notebooks("a", "open('/nowhere/at/all')")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    assert nbrun._main(["a"]) == 1
    said = capsys.readouterr().err
    assert "FileNotFoundError: [Errno 2]" in said and "Traceback" in said and "free the place" not in said


def test_ctrl_c_is_one_line_and_leaves_the_old_report(notebooks, tmp_path, capsys, monkeypatch):
    notebooks("a", "raise KeyboardInterrupt")
    monkeypatch.setattr(nbrun.run, "__defaults__", (tmp_path / "reports",))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "a.ipynb").write_text("old")
    said = "notebooks/a.ipynb: interrupted; rerun it: what was finished is kept"
    assert nbrun._main(["a"]) == 130 and capsys.readouterr().err.strip().splitlines()[-1] == said

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(nbrun.papermill, "execute_notebook", interrupt)
    assert nbrun._main(["a"]) == 130 and capsys.readouterr().err.strip() == said
    assert (tmp_path / "reports" / "a.ipynb").read_text() == "old"


def test_a_file_in_the_place_of_the_reports_is_one_line(notebooks, tmp_path):
    notebooks("a", "1")
    (tmp_path / "file").write_text("here")
    with pytest.raises(InputError, match="cannot be written"):
        nbrun.run("a", tmp_path / "file" / "reports")


def test_an_unknown_notebook_names_those_there_are(notebooks, tmp_path):
    notebooks("only", "1")
    with pytest.raises(InputError, match="no such notebook; one of: only"):
        nbrun.run("other", tmp_path / "reports")


def test_every_figure_and_table_of_a_notebook_is_shown(notebooks, tmp_path):
    draw = "figures.save(figures.confusion_matrices({{'N<A': np.eye(2, dtype=int)}}), 'f{0}', pathlib.Path({1!r}));"
    notebooks(
        "shown",
        "import pathlib\nimport numpy as np\nfrom ddet.report import figures, tables",
        draw.format(1, str(tmp_path)),
        draw.format(2, str(tmp_path)),
        f"figures.paths.REPORTS = pathlib.Path({str(tmp_path)!r}); " + draw.format(3, str(tmp_path / "figures")),
        "tables.Table('caption', '', (), {})",
    )
    cells = nbformat.read(nbrun.run("shown", tmp_path / "r"), 4).cells
    assert [[sorted(o.data) for o in c.outputs] for c in cells[1:3]] == [[["image/png", "text/plain"]]] * 2
    (stored,) = cells[3].outputs  # what lies in the reports is referred to
    assert stored.data == {
        "text/html": '<img src="figures/f3.svg" alt="N&lt;A: true against predicted.">',
        "text/plain": "figures/f3.svg",
    }
    assert (tmp_path / "figures/f3.svg").is_file()
    table = cells[4].outputs[0].data
    assert "caption" in table["text/html"] and table["text/plain"] == "caption: 0 rows x 0 columns"


PIPELINE = """stages:
  a:
    cmd: python -m ddet.nbrun 10_a
  b:
    cmd: python -m ddet.nbrun 20_b
  page:
    cmd: python -m ddet.report.page
"""


def test_the_times_of_a_notebook_are_noted_outside_its_report(notebooks, tmp_path):
    notebooks("quick", "1", "2")
    nbrun.run("quick", tmp_path / "reports")
    noted = json.loads((tmp_path / "data/machine/notebooks/quick.json").read_text())
    assert noted["wall_s"] >= noted["start_s"] > 0
    assert b"duration" not in (tmp_path / "reports/quick.ipynb").read_bytes()


@pytest.mark.parametrize(
    ("imported", "start"), [(12.0, 2.0), (40.0, 7.0), (-3600.0, 0.0)], ids=["as it is", "goes ahead", "goes back"]
)
def test_a_clock_that_jumps_makes_no_time_negative_or_longer_than_the_whole(tmp_path, monkeypatch, imported, start):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(nbrun.time, "monotonic", lambda: 507.0)
    monkeypatch.setattr(nbrun.time, "time", lambda: 10.0 - 3600)
    ended = datetime.fromtimestamp(imported, UTC).isoformat()
    cell = nbformat.v4.new_code_cell("1", metadata={"papermill": {"end_time": ended}})
    nbrun._note_times("a", (10.0, 500.0), nbformat.v4.new_notebook(cells=[cell]))
    assert json.loads((tmp_path / "data/machine/notebooks/a.json").read_text()) == {"wall_s": 7.0, "start_s": start}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "stage 2 of 3: 20_b"),
        ("profile,stage,seconds,machine\nsmoke,20_b,60,X\n", "stage 2 of 3: 20_b"),
        (
            "profile,stage,seconds,machine\ntiny,10_a,600,X\ntiny,20_b,170,X\ntiny,ddet.report.page,12,X\n",
            "stage 2 of 3: 20_b; from here at most 3 min (X)",
        ),
    ],
)
def test_a_stage_says_where_it_stands_and_what_the_rest_took(tmp_path, monkeypatch, table, said):
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("profile: tiny   # a name\n")
    (tmp_path / "data/measured").mkdir(parents=True)
    if table:
        (tmp_path / "data/measured/stages.csv").write_text(table)
    assert nbrun.position("20_b") == said
    assert nbrun.position("60_own") == "60_own"
