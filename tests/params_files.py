"""Params files with an edit, made as DVC makes them: read, change, write."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ddet import paths

FILES = [paths.PARAMS, *sorted((paths.ROOT / "profiles").glob("*.yaml"))]
GONE = object()


def edit(target: Path, changes: dict[str, Any], source: Path = paths.PARAMS) -> Path:
    """Write `source` to `target` with values changed by path ("herd/train/lr"); GONE takes a key away."""
    tree = YAML(typ="safe").load(source.read_text())
    for path, value in changes.items():
        *above, last = path.split("/")
        node = tree
        for key in above:
            node = node[key]
        if value is GONE:
            del node[last]
        else:
            node[last] = value
    YAML().dump(tree, target)
    return target
