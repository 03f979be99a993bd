"""The error for everything that a user can fix: it names the place, the cause and the remedy."""

import contextlib
import difflib
import errno
from collections.abc import Iterable, Iterator
from pathlib import Path

REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR}


class InputError(ValueError):
    """Report bad input in one line: what it concerns (file or key), the cause, the remedy."""

    def __init__(self, where: object, cause: str, remedy: str):
        self.where, self.cause, self.remedy = str(where), cause, remedy
        super().__init__(str(where), cause, remedy)

    def __str__(self) -> str:
        return f"{self.where}: {self.cause}; {self.remedy}"

    def __reduce__(self) -> tuple:
        """Pickle correctly (errors of a worker), also where a library rewrote `args`, as fastai does in a callback."""
        return type(self), (self.where, self.cause, self.remedy)


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn the OSError of a full disk or a folder that may not be written into an InputError; others pass.

    What was saved stays, so that a rerun continues.
    """
    try:
        yield
    except OSError as e:
        if e.errno not in REFUSALS:
            raise
        raise InputError(e.filename or folder, f"cannot be written ({e.strerror})", "free the place, then rerun") from e


def meant(word: str, known: Iterable[str]) -> str:
    """Return a question that offers the known word most like `word`, and a space; empty if none is like it."""
    found = difflib.get_close_matches(word, known, n=1)
    return f"did you mean {found[0]!r}? " if found else ""
