"""Strip the outputs of source notebooks, except those of check cells, which nbval compares.

python -m ddet.tools.strip notebooks        # strip in place
python -m ddet.tools.strip --check notebooks  # only say which are not clean; exit 1 if any
"""

import sys
from pathlib import Path

import nbformat
from nbstripout import strip_output

KEEP = "keep_output"


def stripped(text: str) -> str:
    """Return a notebook's JSON without outputs, counts and editor metadata; cells tagged `keep_output` keep theirs."""
    notebook = nbformat.reads(text, 4)
    notebook = strip_output(notebook, keep_output=False, keep_count=True, keep_id=True, drop_empty_cells=True)
    notebook.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code" and KEEP not in (tags or []):
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook, indent=1) + "\n"


def _main(argv: list[str]) -> int:
    check = "--check" in argv
    named = [Path(a) for a in argv if a != "--check"]
    files = [f for p in named for f in (sorted(p.glob("*.ipynb")) if p.is_dir() else [p])]
    dirty = [f for f in files if stripped(f.read_text()) != f.read_text()]
    for file in dirty:
        print(f"{file}: carries outputs or editor metadata; run python -m ddet.tools.strip {file}")
        if not check:
            file.write_text(stripped(file.read_text()))
    return 1 if dirty else 0  # a hook that changed a file fails, so that the change is seen


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
