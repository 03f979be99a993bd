"""Execute a notebook as a pipeline stage: python -m ddet.nbrun 20_herd_augmentation

The report appears in reports/ only when the notebook succeeded, and two runs of it are the same bytes: what differs
between runs (times, process ids, addresses, progress bars) is dropped, and the rest is kept.
"""

import json
import os
import re
import sys
import time
from datetime import datetime
from html import escape
from pathlib import Path

import nbformat
import papermill
from nbclient.exceptions import DeadKernelError

from ddet import paths
from ddet.errors import REFUSALS, InputError, writing
from ddet.report import dvc_yaml

_VARYING = [(re.compile(r"0x[0-9a-f]{6,16}"), "0x0"), (re.compile(r"ipykernel_\d+"), "ipykernel")]


def run(name: str, reports: Path = paths.REPORTS) -> Path:
    """Execute notebooks/<name>.ipynb with papermill and return its report.

    Raises:
        InputError: no such notebook, its kernel was killed, or its report cannot be written.
        papermill.PapermillExecutionError: a cell failed; no report is written.
    """
    source = paths.ROOT / "notebooks" / f"{name}.ipynb"
    if not source.is_file():
        known = ", ".join(sorted(p.stem for p in source.parent.glob("*.ipynb")))
        raise InputError(source, "no such notebook", f"one of: {known}")
    partial, report = reports / f"{name}.partial.ipynb", reports / f"{name}.ipynb"
    began = time.time(), time.monotonic()
    os.environ["DDET_NOTEBOOK"] = name
    with writing(reports):
        reports.mkdir(parents=True, exist_ok=True)
        _execute(source, partial)
        executed = nbformat.read(partial, 4)
        _note_times(name, began, executed)
        nbformat.write(clean(executed), partial)
        os.replace(partial, report)
    return report


def _execute(source: Path, partial: Path) -> None:
    # The kernel is given, so that a kernelspec saved in the notebook does not decide which Python runs.
    how = {"kernel_name": "python3", "progress_bar": False, "stderr_file": sys.stderr, "cwd": paths.ROOT}
    try:
        papermill.execute_notebook(source, partial, **how)
    except DeadKernelError:
        cause, remedy = "its kernel was killed", "rerun it: what was finished is kept; often memory was short"
        raise InputError(source, cause, remedy) from None


def _note_times(name: str, began: tuple[float, float], executed: nbformat.NotebookNode) -> None:
    """Write how long the notebook took, and how long until its imports were done, outside what DVC hashes.

    `began` is by the clock on the wall, which papermill notes and which may jump, and by one that never goes back.
    """
    ends = [c.metadata.get("papermill", {}).get("end_time") for c in executed.cells if c.cell_type == "code"]
    facts = {"wall_s": round(time.monotonic() - began[1], 1)}
    if ends and ends[0]:
        start = datetime.fromisoformat(ends[0]).timestamp() - began[0]
        facts["start_s"] = round(min(max(start, 0.0), facts["wall_s"]), 1)
    place = paths.ROOT / "data/machine/notebooks"
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.json").write_text(json.dumps(facts) + "\n")


def position(name: str) -> str:
    """Say which stage of how many this is, and how long the rest took where it was measured.

    Read from dvc.yaml, params.yaml and data/measured/stages.csv (`benchmarks/bench_repro.py --write`), as text, since
    this is said before anything is loaded. Stages that are up to date take no time, so the rest is a bound.
    """
    order = list(dvc_yaml.commands(paths.ROOT).items())
    words = [work for _, work in order]
    if name not in words:
        return name
    said, rest = f"stage {words.index(name) + 1} of {len(words)}: {name}", order[words.index(name) :]
    profile = re.search(r"^profile: *(\w+)", (paths.ROOT / "params.yaml").read_text(), flags=re.M)
    lines = dvc_yaml.measured(paths.ROOT, profile[1]) if profile else {}
    ahead = [lines[stage] for stage, _ in rest if stage in lines]
    if not ahead:
        return said
    minutes = sum(float(line["seconds"]) for line in ahead) / 60
    return f"{said}; from here at most {minutes:.0f} min ({ahead[0]['machine']})"


def clean(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Remove what varies between two runs of the same notebook, in place.

    Standard error goes too: it holds progress bars and "trained"/"reused" messages, which depend on the cache.
    """
    notebook.metadata = {k: v for k, v in notebook.metadata.items() if k in ("kernelspec", "language_info")}
    notebook.metadata.get("language_info", {}).pop("version", None)  # the Python version differs between machines
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if "injected-parameters" in (tags or []):
            cell["id"] = "injected-parameters"
        if cell.cell_type == "code":
            cell.outputs = [_scrub(o) for o in _merge_streams(cell.outputs)]
    return notebook


def _merge_streams(outputs: list) -> list:
    """Join the chunks of stdout into one, since their boundaries depend on timing."""
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
    output = _referring(output)
    if output.output_type == "stream":
        output.text = _plain(output.text)
        return output
    for kind, text in output.get("data", {}).items():
        if kind.startswith("text/") and isinstance(text, str):
            output.data[kind] = _plain(text)
    if "metadata" in output:
        output.metadata = {}
    return output


def _referring(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Let an output that shows a saved figure (see `ddet.report.figures.save`) refer to its file: it is stored once."""
    shown = output.get("metadata", {}).get("image/png", {})
    if "file" in shown:
        source, alt = escape(shown["file"]), escape(shown.get("alt", ""))
        output.data = {"text/html": f'<img src="{source}" alt="{alt}">', "text/plain": shown["file"]}
    return output


def _plain(text: str) -> str:
    for pattern, same in _VARYING:
        text = pattern.sub(same, text)
    return text.replace(f"{paths.ROOT}/", "")  # no absolute paths in reports


def _main(argv: list[str]) -> int:
    if len(argv) != 1:
        print("usage: python -m ddet.nbrun NAME   (a notebook of notebooks/, without .ipynb)", file=sys.stderr)
        return 2
    try:
        if (paths.ROOT / "dvc.yaml").is_file():
            print(position(argv[0]), file=sys.stderr, flush=True)
        run(argv[0])
    except InputError as e:
        print(e, file=sys.stderr)
        return 2
    except papermill.PapermillExecutionError as e:
        if e.ename == "KeyboardInterrupt":  # the kernel was told before this process
            return _interrupted(argv[0])
        refused = _refused(e.evalue)
        remedy = "; free the place, then rerun: what was finished is kept" if refused else ""
        print(f"notebooks/{argv[0]}.ipynb, cell {e.exec_count}: {e.ename}: {e.evalue}{remedy}", file=sys.stderr)
        if e.ename != "InputError" and not refused:
            print("\n".join(e.traceback), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _interrupted(argv[0])
    return 0


def _refused(said: str) -> bool:
    """Tell from the words of an error whether a disk was full, or a place that may not be written."""
    found = re.match(r"\[Errno (\d+)\]", said)
    return bool(found) and int(found[1]) in REFUSALS


def _interrupted(name: str) -> int:
    print(f"notebooks/{name}.ipynb: interrupted; rerun it: what was finished is kept", file=sys.stderr)
    return 130  # as a shell says of a program that Ctrl-C ended


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
