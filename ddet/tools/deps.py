"""Write each stage's code dependencies into dvc.yaml, from what its notebook imports: python -m ddet.tools.deps

A stage depends on its notebook, on the lock, and on every module of ddet that the notebook can run, found by following
imports, networks that are made by name included; other dependencies (data, results) are written by hand and left alone.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
from ruamel.yaml import YAML

from ddet import params, paths

PIPELINE = paths.ROOT / "dvc.yaml"
RUNNER = "ddet/nbrun.py"
LOCK = "requirements.txt"  # other libraries may compute something else
BY_NAME = "ddet/models/__init__.py"  # imports the modules of params.NETWORKS when they are asked for


def entry(cmd: str) -> Path:
    """Return the file that a stage's command runs: a notebook, or a module of ddet."""
    words = cmd.split()
    if words[:3] == ["python", "-m", "ddet.nbrun"]:
        return paths.ROOT / "notebooks" / f"{words[3]}.ipynb"
    return (paths.ROOT / words[2].replace(".", "/")).with_suffix(".py")


def code_of(cmd: str) -> list[str]:
    """List the files of ddet that a stage's command can run, sorted, relative to the repository root."""
    start = entry(cmd)
    found, todo = set() if start.suffix == ".ipynb" else {start}, [start]
    while todo:
        for file in _imported(todo.pop()):
            if file not in found:
                found.add(file)
                todo.append(file)
    names = {f.relative_to(paths.ROOT).as_posix() for f in found if f.name != "__init__.py" or _runs(f)}
    return sorted(names | {RUNNER} if start.suffix == ".ipynb" else names)


def _imported(file: Path) -> Iterator[Path]:
    """Find the files of ddet that a notebook or module imports directly, parent packages included."""
    source = file.read_text()
    if file.suffix == ".ipynb":
        source = "\n".join(c.source for c in nbformat.reads(source, 4).cells if c.cell_type == "code")
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for parts in (name.split(".") for name in names if name.split(".")[0] == "ddet"):
            packages = [Path(*parts[:i]) / "__init__.py" for i in range(1, len(parts) + 1)]
            for place in (*packages, Path(*parts).with_suffix(".py")):
                if (paths.ROOT / place).is_file():
                    yield paths.ROOT / place
    if file == paths.ROOT / BY_NAME:
        yield from (paths.ROOT / f"{name.replace('.', '/')}.py" for name in params.NETWORKS.values())


def _runs(init: Path) -> bool:
    """Return whether an `__init__` file has more than a docstring."""
    return any(not isinstance(node, ast.Expr) for node in ast.parse(init.read_text()).body)


def main() -> int:
    """Rewrite dvc.yaml; report what changed and exit 1 if anything did, so that a git hook fails."""
    yaml = YAML()
    yaml.width, changed = 120, []
    yaml.indent(mapping=2, sequence=4, offset=2)
    tree = yaml.load(PIPELINE.read_text())
    for name, stage in tree["stages"].items():
        notebook = entry(stage["cmd"])
        others = [d for d in stage["deps"] if not d.startswith(("ddet/", "notebooks/")) and d != LOCK]
        first = [notebook.relative_to(paths.ROOT).as_posix(), LOCK] if notebook.suffix == ".ipynb" else []
        wanted = [*first, *others, *code_of(stage["cmd"])]
        if list(stage["deps"]) != wanted:
            stage["deps"][:] = wanted
            changed.append(name)
    if changed:
        with PIPELINE.open("w") as file:
            yaml.dump(tree, file)
        print(f"dvc.yaml: code dependencies of {', '.join(changed)} written anew")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())
