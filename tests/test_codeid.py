"""The hash of code: what computes changes it, words and layout do not."""

import pytest

from ddet.codeid import closure, code_id
from ddet.errors import InputError

A_PY = '''"""Doc."""
import os

def f(x):
    """Say."""
    from toy_pkg import b
    return b.g(x) + 1  # why
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Lay out a package: a imports b inside a function, b imports the sub-package c; d stands alone."""
    files = {
        "__init__.py": "version = 1",
        "a.py": A_PY,
        "b.py": "from toy_pkg.c import h\n\ndef g(x):\n    return h(x)\n",
        "c/__init__.py": "def h(x):\n    return x\n",
        "d.py": "y = 1\n",
    }
    root = tmp_path / "toy_pkg"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    return root


def test_the_code_of_a_run_is_what_it_imports(package):
    assert sorted(closure(["toy_pkg.a"])) == ["toy_pkg.a", "toy_pkg.b", "toy_pkg.c"]
    assert sorted(closure(["toy_pkg.d"])) == ["toy_pkg.d"]


@pytest.mark.parametrize(
    ("file", "old", "new", "same"),
    [
        ("a.py", "# why", "# because", True),
        ("a.py", '"""Say."""', '"""Say it\n    differently."""', True),
        ("a.py", '"""Doc."""\n', "", True),
        ("a.py", "b.g(x) + 1", "(b.g( x )\n            + 1)", True),
        ("d.py", "1", "2", True),
        ("__init__.py", "1", "2", True),
        ("a.py", "+ 1", "+ 2", False),
        ("c/__init__.py", "return x", "return -x", False),
        ("b.py", "return h(x)", '"x"\n    return h(x)', True),
        ("b.py", "return h(x)", 'h("x")\n    return h(x)', False),
    ],
)
def test_only_what_computes_changes_the_code_id(package, file, old, new, same):
    before = code_id(["toy_pkg.a"])
    text = (package / file).read_text()
    assert old in text
    (package / file).write_text(text.replace(old, new))
    assert (code_id(["toy_pkg.a"]) == before) is same


def test_the_code_of_a_fit_holds_no_words_and_places():
    names = set(closure(["ddet.training.learner", "ddet.models.genconvit"]))
    assert {
        "ddet.training.learner",
        "ddet.training.checkpoint",
        "ddet.training.callbacks",
        "ddet.seeds",
        "ddet.models",
    } <= names
    assert not names & {"ddet", "ddet.params", "ddet.errors", "ddet.paths"}


def test_an_unknown_module_is_refused():
    with pytest.raises(InputError, match=r"ddet\.lern"):
        code_id(["ddet.lern"])
