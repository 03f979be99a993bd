"""Lay an overlay over a params file: the keys that it names change, every other stays, and the sum is validated."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ddet import params
from ddet.errors import InputError


def lay(profile: Path, overlay: Path, target: Path) -> params.Params:
    """Write `profile` with the values of `overlay` to `target`, and return what it then says.

    Raises:
        InputError: a key that the profile does not have, or a value that does not validate.
    """
    reader = YAML(typ="safe")
    tree = merged(reader.load(profile.read_text()), reader.load(overlay.read_text()), overlay)
    target.parent.mkdir(parents=True, exist_ok=True)
    writer = YAML()
    writer.width = 10_000
    writer.dump(tree, target)
    return params.load(target)


def merged(tree: dict[str, Any], changes: dict[str, Any], where: object, path: str = "") -> dict[str, Any]:
    """Return `tree` with `changes` in it: mappings key by key, anything else as a whole; null takes a key away.

    Raises:
        InputError: a key that is new. An arm's keys are free, since an arm leaves out what it does not change.
    """
    result = dict(tree)
    for key, value in changes.items():
        place = f"{path}.{key}" if path else key
        if key not in tree and ".arms." not in place:
            raise InputError(where, f"changes {place}, which the profile does not have", "mend the key")
        if value is None:
            del result[key]
        elif isinstance(value, dict) and isinstance(tree.get(key), dict):
            result[key] = merged(tree[key], value, where, place)
        else:
            result[key] = value
    return result
