"""Code dependencies of pipeline stages: imports followed as Python would, dvc.yaml written only where it was wrong."""

import nbformat
import pytest

from ddet import params, paths
from ddet.tools import deps

FILES = {
    "ddet/__init__.py": '"""Only words."""\n',
    "ddet/nbrun.py": "import sys\n",
    "ddet/a.py": "import numpy\nfrom ddet import b\n",
    "ddet/b.py": "import ddet.a\ndef f():\n    from ddet.pack.c import thing\n",  # a circle, and an import inside
    "ddet/pack/__init__.py": '"""Words and a constant."""\nX = 1\n',
    "ddet/pack/c.py": "from ddet.pack import X\nfrom ddet import paths  # no file here\n",
    "ddet/page.py": "import ddet.d\n",
    "ddet/d.py": "",
    "ddet/lonely.py": "import ddet.a\n",
}
PIPELINE = """\
# a remark that stays
stages:
  one:
    cmd: python -m ddet.nbrun 10_one
    deps:
      - ddet/gone.py
      - data/raw
      - notebooks/10_one.ipynb
  two:
    cmd: python -m ddet.page reports
    deps:
      - reports/10_one.ipynb
      - ddet/d.py
      - ddet/page.py
"""
ONE = ["notebooks/10_one.ipynb", "requirements.txt", "data/raw", "ddet/a.py", "ddet/b.py", "ddet/nbrun.py"]
ONE = [*ONE, "ddet/pack/__init__.py", "ddet/pack/c.py"]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    cells = [nbformat.v4.new_markdown_cell("import ddet.lonely"), nbformat.v4.new_code_cell("from ddet.a import b")]
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "notebooks" / "10_one.ipynb")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(deps, "PIPELINE", tmp_path / "dvc.yaml")
    return tmp_path


def test_a_command_names_a_notebook_or_a_module(tree):
    assert deps.entry("python -m ddet.nbrun 10_one") == tree / "notebooks" / "10_one.ipynb"
    assert deps.entry("python -m ddet.page reports") == tree / "ddet" / "page.py"


def test_networks_that_are_made_by_name_count_where_networks_are_made(tree, monkeypatch):
    monkeypatch.setattr(params, "NETWORKS", {"one": "ddet.models.x", "two": "ddet.models.x"})
    (tree / "ddet/models").mkdir()
    for name, text in {"__init__": "import importlib\n", "x": "from ddet.models import y\n", "y": ""}.items():
        (tree / f"ddet/models/{name}.py").write_text(text)
    (tree / "ddet/d.py").write_text("from ddet import models\n")
    found = deps.code_of("python -m ddet.page reports")
    assert [f for f in found if "models" in f] == [f"ddet/models/{n}.py" for n in ("__init__", "x", "y")]
    assert not any("models" in f for f in deps.code_of("python -m ddet.nbrun 10_one"))


def test_imports_are_followed_through_circles_packages_and_functions(tree):
    assert deps.code_of("python -m ddet.nbrun 10_one") == ONE[3:]


def test_a_module_is_its_own_dependency_and_needs_no_runner(tree):
    assert deps.code_of("python -m ddet.page") == ["ddet/d.py", "ddet/page.py"]


def test_only_a_wrong_stage_is_written_anew_and_once(tree, capsys):
    assert deps.main() == 1
    assert capsys.readouterr().out == "dvc.yaml: code dependencies of one written anew\n"
    text = (tree / "dvc.yaml").read_text()
    old = "      - ddet/gone.py\n      - data/raw\n      - notebooks/10_one.ipynb\n"
    assert text == PIPELINE.replace(old, "".join(f"      - {d}\n" for d in ONE))
    assert deps.main() == 0
    assert capsys.readouterr().out == "" and (tree / "dvc.yaml").read_text() == text


def test_this_pipeline_is_as_it_would_be_written(tmp_path, monkeypatch):
    """The contract tests compare the lists; this one compares the file, layout included."""
    monkeypatch.setattr(deps, "PIPELINE", tmp_path / "dvc.yaml")
    (tmp_path / "dvc.yaml").write_bytes((paths.ROOT / "dvc.yaml").read_bytes())
    assert deps.main() == 0, "run python -m ddet.tools.deps"
