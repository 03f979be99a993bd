"""tests/ mirrors ddet/: each module has its test file, and each test file its module."""

import ast

import pytest

from ddet import paths

OF_ANOTHER_KIND = {  # what no single module is: what each looks at
    "params/test_paper_profile.py": "the paper profile beside what papers state",
    "test_boundaries.py": "imports between packages",
    "test_browser.py": "the pages as a browser shows them",
    "test_contract.py": "notebooks and pipeline",
    "test_drawn.py": "how many cases property tests draw",
    "test_kills.py": "a pipeline that is killed, or started twice",
    "test_keys.py": "what the keys of all papers' fits follow",
    "test_mirror.py": "this mirror",
    "test_mutants.py": "the list of planted faults",
    "test_offline.py": "the refusal of the network in tests of the pipeline",
    "test_payloads.py": "code planted in files that the program reads",
    "test_photograph.py": "modules together, on a photograph",
    "test_pipeline.py": "the whole pipeline in a clone",
    "test_readme.py": "the README",
    "test_real_footage.py": "modules together, on real clips",
    "test_repository.py": "pins, names and sizes of the repository's files",
}
SHARED = {  # one idea in several files: a test mostly spans two of them
    "params/arms.py": "params/test_arms.py",
    "params/room.py": "params/test_room.py",
    "params/": "test_params.py",
    "tools/bits/": "tools/test_bits.py",
    "tools/pins.py": "test_isa.py",
}
CALLED = {"__main__": "cli"}  # tested by its command line


def is_prose(source: str) -> bool:
    """Tell whether a module holds nothing but its docstring."""
    return all(isinstance(node, ast.Expr) for node in ast.parse(source).body)


def test_of(module: str) -> str:
    """Name the test file of a module; a package's `__init__` is tested under the package's name, beside it."""
    shared = next((file for folder, file in SHARED.items() if module.startswith(folder)), None)
    if shared:
        return shared
    *folders, name = module.removesuffix(".py").split("/")
    if name == "__init__":
        *folders, name = folders or ["ddet"]
    return "/".join([*folders, f"test_{CALLED.get(name, name)}.py"])


test_of.__test__ = False


def wanted() -> dict[str, str]:
    """Map each module with code to its test file, both below their folders."""
    root = paths.ROOT / "ddet"
    modules = [f for f in sorted(root.rglob("*.py")) if not is_prose(f.read_text())]
    return {name: test_of(name) for name in (f.relative_to(root).as_posix() for f in modules)}


def present() -> list[str]:
    root = paths.ROOT / "tests"
    return sorted(f.relative_to(root).as_posix() for f in root.rglob("test_*.py"))


def test_every_module_has_its_test_file():
    there = set(present())
    lacking = [f"ddet/{module} has no tests/{file}" for module, file in wanted().items() if file not in there]
    assert not lacking, "\n".join(lacking)


def test_every_test_file_has_its_module():
    known = {*wanted().values(), *OF_ANOTHER_KIND}
    stray = [f"tests/{file} has no module" for file in present() if file not in known]
    assert not stray, "\n".join(stray)


def test_the_named_exceptions_exist():
    assert set(OF_ANOTHER_KIND) <= set(present())


def dotted(module: str) -> str:
    """Write a module as it is imported."""
    return ".".join(["ddet", *(part for part in module.removesuffix(".py").split("/") if part != "__init__")])


def imported(tree: ast.AST) -> set[str]:
    """Name what a test file imports: modules, and things in them."""
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return named | {n.module for n in froms} | {f"{n.module}.{alias.name}" for n in froms for alias in n.names}


def test_every_test_file_looks_at_its_module():
    """A file of the right name that tests something else mirrors nothing."""
    for module, file in wanted().items():
        path = paths.ROOT / "tests" / file
        if not path.is_file() or file in SHARED.values():
            continue
        tree = ast.parse(path.read_text())
        assert dotted(module) in imported(tree), f"tests/{file} does not import {dotted(module)}"
        names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name.startswith("test_")]
        assert names, f"tests/{file} holds no test"


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("seeds.py", "test_seeds.py"),
        ("herd/arms.py", "herd/test_arms.py"),
        ("data/layouts/__init__.py", "data/test_layouts.py"),
        ("models/__init__.py", "test_models.py"),
        ("audit/__main__.py", "audit/test_cli.py"),
        ("params/prle.py", "test_params.py"),
        ("__init__.py", "test_ddet.py"),
    ],
)
def test_names_by_hand(module, file):
    assert test_of(module) == file
