"""Execute a notebook as a pipeline stage: python -m ddet.nbrun 20_herd_augmentation

The report appears in reports/ only when the notebook succeeded, and two runs of it are the same bytes: what differs
between runs (times, process ids, addresses, progress bars) is dropped, and the rest is kept.
"""

import os
import re
import sys
from pathlib import Path

import nbformat
import papermill

from ddet import paths
from ddet.errors import InputError

_VARYING = [(re.compile(r"0x[0-9a-f]{6,16}"), "0x0"), (re.compile(r"ipykernel_\d+"), "ipykernel")]


def run(name: str, reports: Path = paths.REPORTS) -> Path:
    """Execute notebooks/<name>.ipynb with papermill and return its report.

    Raises:
        InputError: no such notebook.
        papermill.PapermillExecutionError: a cell failed; no report is written.
    """
    source = paths.ROOT / "notebooks" / f"{name}.ipynb"
    if not source.is_file():
        known = ", ".join(sorted(p.stem for p in source.parent.glob("*.ipynb")))
        raise InputError(source, "no such notebook", f"one of: {known}")
    reports.mkdir(parents=True, exist_ok=True)
    partial, report = reports / f"{name}.partial.ipynb", reports / f"{name}.ipynb"
    os.environ["DDET_NOTEBOOK"] = name
    # The kernel is named: a kernelspec saved by somebody's Jupyter must not decide which Python runs.
    papermill.execute_notebook(
        source, partial, kernel_name="python3", progress_bar=False, stderr_file=sys.stderr, cwd=paths.ROOT
    )
    nbformat.write(clean(nbformat.read(partial, 4)), partial)
    os.replace(partial, report)
    return report


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Drop what varies between two runs of the same notebook, in place.

    Standard error goes too: it holds progress bars and "trained"/"reused" messages, which depend on the cache.
    """
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in ("kernelspec", "language_info")}
    notebook.metadata.get("language_info", {}).pop("version", None)  # the patch release of whoever ran it
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if "injected-parameters" in (tags or []):
            cell["id"] = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = [_scrub(o) for o in _merge_streams(cell.outputs)]
    return notebook


def _merge_streams(outputs: list) -> list:
    """Join the chunks of stdout into one: where a stream is cut is a race."""
    kept, stdout = [], None
    for output in outputs:
        if output.output_type != "stream":
            kept.append(output)
        elif output.name == "stdout" and stdout is None:
            stdout = output
            kept.append(output)
        elif output.name == "stdout":
            stdout.text += output.text
    return kept


def _scrub(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    if output.output_type == "stream":
        output.text = _plain(output.text)
        return output
    for kind, text in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(text, str):
            output.data[kind] = _plain(text)
    if "metadata" in output:
        output.metadata = {}
    return output


def _plain(text: str) -> str:
    for pattern, same in _VARYING:
        text = pattern.sub(same, text)
    return text.replace(f"{paths.ROOT}/", "")  # where the repository lies is nobody's business


def _main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("usage: python -m ddet.nbrun NAME   (a notebook of notebooks/, without .ipynb)", file=sys.stderr)
        return 2
    try:
        run(argv[0])
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    except papermill.PapermillExecutionError as e:
        print(f"notebooks/{argv[0]}.ipynb, cell {e.exec_count}: {e.ename}: {e.evalue}", file=sys.stderr)
        if e.ename != "InputError":
            print("\n".join(e.traceback), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
