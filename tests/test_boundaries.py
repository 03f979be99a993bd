"""Packages import in one direction, and what shapes a run holds nothing that does not: each offending line is named."""

import ast
import json
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ddet import codeid, paths
from ddet.asrid import arms as asrid_arms
from ddet.herd import arms as herd_arms
from ddet.herd import compared as herd_compared
from ddet.prle import arms as prle_arms
from ddet.prle import compared as prle_compared
from ddet.prle import map_runs

PACKAGE = paths.ROOT / "ddet"
PAPERS = {"herd", "asrid", "prle"}
PLUMBING = {"errors", "paths", "hashing", "seeds", "codeid", "published", "isa", "machine", "params", "cluster"}
COMMANDS = {
    "notebook",
    "nbrun",
    "score",
    "tools",
}  # what notebooks and people start: they may import anything, nobody them
BELOW = {  # package -> the packages that it may import beside itself and the plumbing
    "data": set(),
    "models": set(),
    "stats": set(),
    "synth": {"data"},
    "audit": {"stats"},
    "report": {"stats"},
    "training": {"models", "data", "synth"},
    "runs": {"training", "models", "data"},
    "attention": {"runs", "training", "models", "data", "stats"},
    "scoring": {*PAPERS, "attention", "report", "stats", "runs", "training", "models", "data"},
    "robustness": {*PAPERS, "scoring", "report", "stats", "runs", "training", "data", "synth"},
    **{paper: {"attention", "report", "stats", "runs", "training", "models", "data", "synth"} for paper in PAPERS},
}
FITS = {
    "herd": [*herd_arms.CODE, *herd_compared.CODE],
    "asrid": asrid_arms.CODE,
    "prle": [*prle_arms.CODE, *prle_compared.CODE],
}
SHAPING = {"training", "models", "data", "hashing", "seeds", "isa"}  # what a fit may rest on beside its own paper
STAGES = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"]


def room(module: str) -> str:
    """Name the package, or the module directly in ddet, that a dotted name lies in."""
    return module.split(".")[1]


def lines_of(tree: ast.AST, where: str) -> list[tuple[str, str]]:
    """List what a tree imports from ddet: (where it stands, dotted name)."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(f"{where}:{node.lineno}", alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(f"{where}:{node.lineno}", f"{node.module}.{alias.name}") for alias in node.names]
    return [(at, name) for at, name in found if name.startswith("ddet.")]


def offending(root: Path) -> list[str]:
    """List the import lines below `root` (a folder like ddet/) that go against BELOW."""
    wrong = []
    for file in sorted(root.rglob("*.py")):
        own = room(".".join(("ddet", *file.relative_to(root).with_suffix("").parts)))
        if own in COMMANDS | {"__init__"}:
            continue
        allowed = PLUMBING if own in PLUMBING else PLUMBING | {own} | BELOW[own]
        imported = lines_of(ast.parse(file.read_text()), file.relative_to(root.parent).as_posix())
        wrong += [f"{at} imports {name}" for at, name in imported if room(name) not in allowed]
    return wrong


def test_packages_import_in_one_direction():
    assert offending(PACKAGE) == []


def test_the_table_of_packages_has_no_circle():
    left = dict(BELOW)
    while left:
        lowest = {name for name, below in left.items() if not below & (set(left) - {name})}
        assert lowest, f"a circle among {sorted(left)}"
        left = {name: below for name, below in left.items() if name not in lowest}


def test_every_package_stands_in_the_table():
    assert {f.parent.name for f in PACKAGE.glob("*/__init__.py")} - {"params", "tools"} == set(BELOW)


def test_few_modules_lie_directly_in_the_package():
    names = {f.stem for f in PACKAGE.glob("*.py")} - {"__init__"}
    assert names <= PLUMBING | COMMANDS and len(names) <= 12


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("models/slim.py", "from ddet.training import learner"),
        ("herd/arms.py", "from ddet.asrid.arms import plan"),
        ("data/video.py", "import ddet.runs.store"),
        ("seeds.py", "from ddet.data import crops"),
    ],
)
def test_an_upward_import_is_named(tmp_path, file, line):
    target = tmp_path / "ddet" / file
    target.parent.mkdir(parents=True)
    target.write_text(f"x = 1\n{line}\n")
    (found,) = offending(tmp_path / "ddet")
    assert found.startswith(f"ddet/{file}:2 imports ddet.")


@pytest.mark.parametrize("paper", FITS)
def test_what_shapes_a_fit_holds_no_store_no_report_and_no_other_paper(paper):
    names = codeid.closure(FITS[paper])
    assert {name for name in names if room(name) not in SHAPING | {paper}} == set()


def test_what_shapes_maps_holds_no_store_and_no_report():
    names = codeid.closure(map_runs.CODE)
    assert {name for name in names if room(name) not in SHAPING | {"prle", "attention"}} == set()


def test_what_shapes_start_weights_holds_no_store_and_no_paper():
    names = codeid.closure(["ddet.training.start_weights"])
    assert {name for name in names if room(name) not in SHAPING | {"synth"}} == set()


@pytest.mark.parametrize("paper", sorted(PAPERS))
def test_a_stage_of_one_paper_depends_on_no_code_of_another(paper):
    others = tuple(f"ddet/{other}/" for other in PAPERS - {paper})
    own = {name: stage["deps"] for name, stage in STAGES.items() if name.startswith(f"{paper}_")}
    assert own and [(name, d) for name, deps in own.items() for d in deps if d.startswith(others)] == []


def test_only_the_audit_and_the_ledger_depend_on_the_audit():
    assert {n for n, s in STAGES.items() if any(d.startswith("ddet/audit/") for d in s["deps"])} == {
        "paper_audit",
        "claims",
    }


@pytest.mark.parametrize("notebook", sorted((paths.ROOT / "notebooks").glob("[234]*.ipynb")), ids=lambda p: p.stem)
def test_a_notebook_of_one_paper_imports_no_other(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    source = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    others = PAPERS - {notebook.stem.split("_")[1]}
    assert [line for line in lines_of(ast.parse(source), notebook.name) if room(line[1]) in others] == []
