"""Records of finished clips: named by all that shapes them, whole or made again, swept when nothing asks for them."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

PARTS = ".parts"  # their folder
LIBRARIES = ("av", "facenet-pytorch", "opencv-python-headless", "pillow", "torch")  # that make a crop


def is_whole(part: Path, out: Path) -> bool:
    """Return whether a record and all its crops are there, each with the file size that was recorded."""
    try:
        record = json.loads(part.read_text())
        return all((out / f["crop"]).stat().st_size == n for f, n in zip(record["faces"], record["bytes"], strict=True))
    except (FileNotFoundError, ValueError, KeyError):
        return False


def sweep(out: Path, kept: set[Path]) -> None:
    """Remove crops and records made with other params, then empty folders."""
    for top in (out / "crops", out / PARTS):
        for path in sorted(top.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in kept:
                path.unlink()


def fingerprint(path: Path) -> str:
    """Hash a file's content, so that a copy with another date is the same clip; takes 1 % of the time to decode it."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as e:
        return f"cannot be read ({e.strerror})"


@cache
def code(modules: Sequence[ModuleType]) -> list[str]:
    """Return the versions of the code and libraries that make a crop: a change makes every record again."""
    sources = b"".join(Path(module.__file__).read_bytes() for module in modules)
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    return [hashlib.blake2b(sources, digest_size=16).hexdigest(), *libraries]
