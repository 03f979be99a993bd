"""Hash the code that determines a run, by its syntax trees: comments, docstrings and layout do not count."""

import ast
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

from ddet.errors import InputError

# These affect a run through its configuration or not at all: a new key or another wording must not retrain anything.
WORDS_AND_PLACES = frozenset({"ddet.params", "ddet.errors", "ddet.paths"})
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def code_id(names: Iterable[str]) -> str:
    """Hash the named modules and all modules of their package that they import, directly or not: 12 hex digits.

    Raises:
        InputError: one of `names` is no module.
    """
    digest = hashlib.sha256()
    for name, file in sorted(closure(names).items()):
        digest.update(f"{name}\n{_shape(ast.parse(file.read_text(encoding='utf-8')))}\n".encode())
    return digest.hexdigest()[:12]


def closure(names: Iterable[str]) -> dict[str, Path]:
    """Follow the imports of `names` inside the package; return module name -> file.

    The package's own `__init__` and the modules in WORDS_AND_PLACES are left out. Imports by a computed name are
    not seen: pass such modules in `names`.
    """
    found: dict[str, Path] = {}
    queue = list(names)
    for name in queue:
        if _file(name) is None:
            raise InputError(name, "no such module", "name the modules that compute the run")
    while queue:
        name = queue.pop()
        file = _file(name)
        if file is None or name in found or name in WORDS_AND_PLACES or "." not in name:
            continue
        found[name] = file
        queue += _imports(ast.parse(file.read_text(encoding="utf-8")), name.split(".")[0])
    return found


def _file(name: str) -> Path | None:
    """Find a module's file without importing the module; None where `name` is no module (a function, a class)."""
    top, *rest = name.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    stem = Path(spec.submodule_search_locations[0], *rest)
    return next((f for f in (stem.with_suffix(".py"), stem / "__init__.py") if f.is_file()), None)


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Yield the names that a tree imports from `package`: for `from a import b` both a and a.b, a possible module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            named = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        yield from (name for name in named if name.split(".")[0] == package)


def _shape(node: object) -> object:
    """Reduce a tree to what affects results: drop docstrings, and empty fields, which vary between Python versions."""
    if isinstance(node, list):
        return [_shape(n) for n in node]
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = {name: value for name, value in ast.iter_fields(node) if value not in (None, []) and name != "kind"}
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = fields["body"][1:]
    return [type(node).__name__, *((name, _shape(value)) for name, value in sorted(fields.items()))]
