"""The lines of params.yaml in which arms stand, so that a page can quote what to edit."""

from pathlib import Path

from ruamel.yaml import YAML


def read(params_file: Path) -> dict[str, tuple[int, str]]:
    """Find each arm: `section.arms.key` -> the number of its first line, counted from 1, and its text with its comment.

    A mapping in braces that goes on over several lines is quoted as one.
    """
    text = params_file.read_text(encoding="utf-8")
    lines, found = text.splitlines(), {}
    for section, body in YAML().load(text).items():
        arms = body.get("arms") if isinstance(body, dict) else None
        for key in arms or ():
            first = arms.lc.key(key)[0]
            found[f"{section}.arms.{key}"] = (first + 1, _closed(lines[first:]))
    return found


def _closed(lines: list[str]) -> str:
    """Join lines until every brace that they open is closed; comments hold none."""
    told = ""
    for line in lines:
        told = f"{told} {line.strip()}".strip()
        if told.count("{") <= told.count("}"):
            break
    return told
