"""Reports and dvc.lock are of this tree: nothing was changed by hand, and check cells say what notebooks say."""

import hashlib
import json

import nbformat
import pytest

from ddet import paths
from ddet.report.dvc_lock import read_stages, stale
from ddet.tools import fresh

STAGES = read_stages(paths.ROOT / "dvc.lock")


def test_no_file_that_a_stage_wrote_was_changed_since():
    assert fresh.rewritten(paths.ROOT, STAGES) == []


def test_reports_that_are_up_to_date_hold_the_check_cells_of_their_notebooks():
    assert fresh.parted(paths.ROOT, STAGES) == []


def notebook(path, *checked, plain="1 + 1"):
    """Write a notebook of a plain cell and check cells, given as (source, text)."""
    cells = [nbformat.v4.new_code_cell(plain, id="plain")]
    for number, (source, text) in enumerate(checked):
        printed = [nbformat.v4.new_output("stream", text=text)]
        metadata = {"tags": ["nbval-check-output", "keep_output"]}
        cells.append(nbformat.v4.new_code_cell(source, outputs=printed, metadata=metadata, id=f"c{number}"))
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@pytest.fixture
def tree(tmp_path):
    """Build a tree of one stage, as `dvc repro` leaves it."""
    notebook(tmp_path / "notebooks/10_a.ipynb", ("print(3)\nprint(4)", "3\n4\n"), ("5", "5"))
    notebook(tmp_path / "reports/10_a.ipynb", ("print(3)\nprint(4)", "3\n4\n"), ("5", "5"), plain="2 + 2")
    (tmp_path / "reports/table.csv").write_text("a\n1\n")
    (tmp_path / "params.yaml").write_text("herd: {lr: 0.1}\nbenchmark: {render: true, seed: 1}\nother: 1\n")

    def entry(path):
        return {"path": path, "hash": "md5", "md5": hashlib.md5((tmp_path / path).read_bytes()).hexdigest()}

    deps = [entry("notebooks/10_a.ipynb"), {"path": "data/faces", "md5": "7.dir"}]
    outs = [*map(entry, ("reports/10_a.ipynb", "reports/table.csv")), {"path": "data/runs/a", "md5": "7.dir"}]
    params = {"params.yaml": {"herd": {"lr": 0.1}, "benchmark.render": True}}
    stages = {"a": {"cmd": "python -m ddet.nbrun 10_a", "deps": deps, "params": params, "outs": outs}}
    (tmp_path / "dvc.lock").write_text(json.dumps({"stages": stages}))
    return tmp_path


def told(question, tree):
    return question(tree, read_stages(tree / "dvc.lock"))


def test_a_tree_as_the_pipeline_left_it_has_nothing_to_say(tree, monkeypatch, capsys):
    monkeypatch.setattr(paths, "ROOT", tree)
    assert fresh._main() == 0 and capsys.readouterr().out == "every report is of this tree\n"


def test_a_report_changed_by_hand_is_named_and_so_is_one_that_is_gone(tree):
    (tree / "reports/table.csv").write_text("a\n2\n")
    (tree / "reports/10_a.ipynb").unlink()
    assert told(fresh.rewritten, tree) == ["reports/10_a.ipynb", "reports/table.csv"]


@pytest.mark.parametrize(
    ("params", "named"),
    [
        ("herd: {lr: 0.2}\nbenchmark: {render: true}\n", "params.yaml: herd"),
        ("herd: {lr: 0.1}\nbenchmark: {render: false}\n", "params.yaml: benchmark.render"),
        ("herd: {lr: 0.1}\n", "params.yaml: benchmark.render"),
    ],
)
def test_params_that_a_stage_read_make_it_stale_and_others_do_not(tree, params, named):
    (tree / "params.yaml").write_text("herd: {lr: 0.1}\nbenchmark: {render: true, seed: 9}\nother: 2\n")
    assert told(stale, tree) == {}
    (tree / "params.yaml").write_text(params)
    assert told(stale, tree) == {"a": [named]}


def test_an_edited_notebook_makes_its_stage_stale_and_says_nothing_of_check_cells(tree, monkeypatch, capsys):
    notebook(tree / "notebooks/10_a.ipynb", ("print(3)\nprint(4)", "3\n5\n"))
    assert told(stale, tree) == {"a": ["notebooks/10_a.ipynb"]} and told(fresh.parted, tree) == []
    monkeypatch.setattr(paths, "ROOT", tree)
    assert fresh._main() == 1
    said = "a: of an earlier tree; changed since: notebooks/10_a.ipynb\n"
    assert capsys.readouterr().out == said


@pytest.mark.parametrize("reported", [[("print(3)\nprint(4)", "3\n5\n"), ("5", "5")], [("5", "5")]])
def test_a_check_cell_that_the_report_lacks_or_answers_otherwise_is_named(tree, reported):
    notebook(tree / "reports/10_a.ipynb", *reported)
    assert told(fresh.parted, tree) == ["10_a: print(3)"]
