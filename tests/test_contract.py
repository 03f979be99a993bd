"""Notebooks and pipeline keep to one contract: what a stage declares is what its notebook reads and writes."""

import ast
import contextlib
import itertools
import re

import nbformat
import pytest
from ruamel.yaml import YAML

from ddet import paths
from ddet.tools import deps, strip

NOTEBOOKS = sorted((paths.ROOT / "notebooks").glob("*.ipynb"))
STAGES = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]
BY_NOTEBOOK = {s["cmd"].split()[-1]: (name, s) for name, s in STAGES.items() if "ddet.nbrun" in s["cmd"]}
WRITES = ("save", "write_frame", "write", "to_csv", "write_text")
ALWAYS = {"profile", "runtime", "benchmark.render"}  # what ddet.notebook.start itself reads


def code(path):
    return [c for c in nbformat.read(path, 4).cells if c.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags") or []


def calls(path, name):
    for cell in code(path):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == name:
                yield node


def conditional_writes(path):
    """Yield each `if` of a notebook with each call in it that writes an output."""
    for cell in code(path):
        for node in ast.walk(ast.parse(cell.source)):
            inside = ast.walk(node) if isinstance(node, ast.If) else ()
            yield from ((node, c) for c in inside if isinstance(c, ast.Call) and getattr(c.func, "attr", "") in WRITES)


def assert_parameters_are_read(cells):
    """Demand one parameters cell, with `params_file` in it, and `only` where another cell reads it, and only there."""
    (parameters,) = [c for c in cells if "parameters" in tags(c)]
    rest = [ast.parse(c.source) for c in cells if c.cell_type == "code" and c is not parameters]
    read = {n.id for tree in rest for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    defined = {t.id for n in ast.parse(parameters.source).body for t in n.targets}
    assert defined == {"params_file"} | ({"only"} & read), f"the parameters cell sets {sorted(defined)}"


@pytest.mark.parametrize(
    ("parameters", "code", "fits"),
    [
        ("params_file = 1\nonly = None", "start(params_file)\nprint(only)", True),
        ("params_file = 1", "start(params_file)\nonly_one = 2", True),
        ("params_file = 1\nonly = None", "start(params_file)", False),
        ("params_file = 1\nonly = None", "only = 2", False),
        ("params_file = 1", "print(params_file, only)", False),
        ("only = None", "print(only)", False),
    ],
)
def test_only_stands_where_it_is_read_and_only_there(parameters, code, fits):
    cells = [
        nbformat.v4.new_markdown_cell("`only` names some arms."),
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(code),
    ]
    with contextlib.nullcontext() if fits else pytest.raises(AssertionError, match="the parameters cell sets"):
        assert_parameters_are_read(cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_notebook_demands_an_arm_by_its_name(path):
    """`read_runs` refuses an arm that nobody trained, and params.yaml may do without one: the rehearsal did."""
    asked = [call.args[1] for call in calls(path, "read_runs") if len(call.args) > 1]
    assert [ast.unparse(arms) for arms in asked if isinstance(arms, ast.List | ast.Tuple)] == []


def test_every_notebook_is_a_stage_and_every_stage_a_notebook():
    assert sorted(BY_NOTEBOOK) == [p.stem for p in NOTEBOOKS]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_reads_the_sections_that_its_stage_declares(self, notebook):
        (call,) = calls(notebook, "start")
        read = {a.value for a in call.args[1:]}
        always = ALWAYS - {"benchmark.render"} if "benchmark" in read else ALWAYS
        assert set(BY_NOTEBOOK[notebook.stem][1]["params"]) == read | always

    def test_what_it_writes_hangs_on_no_condition(self, notebook):
        """DVC fails a stage that leaves out an output: real data, or an arm taken away, must not."""
        held = [f"{ast.unparse(node.test)}: {ast.unparse(call)[:60]}" for node, call in conditional_writes(notebook)]
        assert held == []

    def test_its_stage_depends_on_exactly_the_code_it_can_run(self, notebook):
        stage = BY_NOTEBOOK[notebook.stem][1]
        declared = [d for d in stage["deps"] if d.startswith("ddet/")]
        assert declared == deps.code_of(stage["cmd"]), "run python -m ddet.tools.deps"

    def test_its_stage_names_the_notebook_and_the_report(self, notebook):
        stage = BY_NOTEBOOK[notebook.stem][1]
        assert f"notebooks/{notebook.name}" in stage["deps"]
        assert f"reports/{notebook.name}" in [next(iter(o)) if isinstance(o, dict) else o for o in stage["outs"]]

    def test_opens_with_title_imports_and_one_parameters_cell(self, notebook):
        cells = nbformat.read(notebook, 4).cells
        assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
        assert_parameters_are_read(cells)

    def test_is_thin(self, notebook):
        for cell in code(notebook):
            assert len([x for x in cell.source.splitlines() if x.strip()]) <= 20, cell.source[:60]
            for node in ast.walk(ast.parse(cell.source)):
                assert not isinstance(node, ast.ClassDef)
                if isinstance(node, ast.FunctionDef):
                    assert node.end_lineno - node.lineno < 10, node.name
                if isinstance(node, ast.ImportFrom):
                    assert all(a.name != "*" for a in node.names), "star imports blind the linter"

    def test_no_variable_hides_what_is_imported(self, notebook):
        nodes = [node for cell in code(notebook) for node in ast.walk(ast.parse(cell.source))]
        imported = {a.asname or a.name for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
        assigned = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assert not imported & assigned

    def test_has_prose_before_each_code_cell_and_at_the_end(self, notebook):
        cells = nbformat.read(notebook, 4).cells
        for before, cell in itertools.pairwise(cells):
            assert cell.cell_type == "markdown" or before.cell_type == "markdown", cell.source[:60]
        assert cells[-1].cell_type == "markdown"

    def test_says_three_words_for_a_line_of_code(self, notebook):
        cells = nbformat.read(notebook, 4).cells
        words = sum(len(re.findall(r"\w+", c.source)) for c in cells if c.cell_type == "markdown")
        lines = sum(len([x for x in c.source.splitlines() if x.strip()]) for c in cells if c.cell_type == "code")
        assert words >= 3 * lines

    def test_has_a_check_cell_with_its_stored_output(self, notebook):
        checks = [c for c in code(notebook) if "nbval-check-output" in tags(c)]
        assert checks and all("keep_output" in tags(c) and c.outputs and c.execution_count for c in checks)

    def test_is_stored_stripped_but_for_its_checks(self, notebook):
        assert strip.stripped(notebook.read_text()) == notebook.read_text()
