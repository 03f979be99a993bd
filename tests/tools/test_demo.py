"""The demo's folder: what is copied, what stays out, what a second call changes, what is refused."""

import subprocess

import pytest

from ddet.errors import InputError
from ddet.tools import demo, rehearse


@pytest.fixture
def checkout(tmp_path):
    """Lay out a small git checkout with a default run's reports in it."""
    root = tmp_path / "checkout"
    files = {
        "ddet/a.py": "A = 1\n",
        "params.yaml": "profile: default\n",
        "profiles/smoke.yaml": "profile: smoke\n",
        "reports/index.html": "of the default run",
        "data/results/herd.json": "{}",
        "data/published/claims.csv": "id\n",
        "dvc.lock": "schema: '2.0'\n",
        ".dvc/config": "[core]\n    analytics = false\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    (root / "notes.txt").write_text("of the user, not tracked")
    return root


def tree(folder):
    found = [p for p in folder.rglob("*") if p.is_file() and ".git" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_text() for p in found}


def test_the_folder_holds_the_code_and_the_smoke_profile_and_no_result_of_the_default_run(checkout, tmp_path):
    before = tree(checkout)
    assert demo.lay_out(tmp_path / "demo", checkout) == 4
    assert tree(tmp_path / "demo") == {
        "ddet/a.py": "A = 1\n",
        "params.yaml": "profile: smoke\n",
        "profiles/smoke.yaml": "profile: smoke\n",
        "data/published/claims.csv": "id\n",
        ".dvc/config": "[core]\n    analytics = false\n",
        ".dvc/config.local": "[core]\n    no_scm = true\n",
    }
    assert tree(checkout) == before, "the checkout stays as it is"


def test_a_second_call_copies_what_changed_and_keeps_what_was_made(checkout, tmp_path):
    demo.lay_out(tmp_path / "demo", checkout)
    (tmp_path / "demo/reports").mkdir()
    (tmp_path / "demo/reports/index.html").write_text("of the demo")
    same = (tmp_path / "demo/data/published/claims.csv").stat().st_mtime_ns
    (checkout / "ddet/a.py").write_text("A = 2\n")
    demo.lay_out(tmp_path / "demo", checkout)
    assert (tmp_path / "demo/ddet/a.py").read_text() == "A = 2\n"
    assert (tmp_path / "demo/reports/index.html").read_text() == "of the demo"
    assert (tmp_path / "demo/data/published/claims.csv").stat().st_mtime_ns == same


def test_a_folder_of_something_else_is_refused(checkout, tmp_path):
    with pytest.raises(InputError, match=r"is not empty and no demo"):
        demo.lay_out(checkout, checkout)


def test_a_tree_without_git_is_refused(tmp_path):
    (tmp_path / "unzipped").mkdir()
    with pytest.raises(InputError, match=r"is no git checkout"):
        demo.lay_out(tmp_path / "demo", tmp_path / "unzipped")


def test_a_word_that_is_no_folder_writes_none(tmp_path, monkeypatch):
    """`--help` once became a folder with a copy of the checkout in it."""
    monkeypatch.chdir(tmp_path)
    for word, code in (("--help", 0), ("--force", 2)):
        for tool in (demo, rehearse):
            with pytest.raises(SystemExit, match=str(code)):
                tool._main([word])
    assert not list(tmp_path.iterdir())
