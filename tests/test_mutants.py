"""The list of planted faults: enough of them, over all packages, each still plantable, each with its test."""

import importlib.util
import sys

import pytest

from ddet import paths

spec = importlib.util.spec_from_file_location("mutants", paths.ROOT / "benchmarks/mutants.py")
mutants = sys.modules["mutants"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)

LISTED = mutants.read()
PACKAGES = ("asrid", "attention", "audit", "data", "herd", "models", "params", "prle", "report", "runs", "stats",
            "synth", "tools", "training")  # fmt: skip


def test_there_are_sixty_over_all_packages():
    assert len(LISTED) >= 60 and len(set(LISTED)) == len(LISTED)
    assert {m.file.split("/")[1] for m in LISTED} >= set(PACKAGES)


@pytest.mark.parametrize("mutant", LISTED, ids=lambda m: f"{m.file}: {m.old.strip()[:30]}")
def test_each_can_be_planted_and_names_its_test(mutant):
    """Where this fails, the line was rewritten: plant the fault in the new one."""
    text = (paths.ROOT / mutant.file).read_text(encoding="utf-8")
    planted = mutant.planted(text)
    assert planted is not None and planted != text
    compile(planted, mutant.file, "exec")
    assert (paths.ROOT / mutant.test).is_file()


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "code_of.py").write_text("def f(x):\n    return x + 1\n\ndef g(x):\n    return x - 1\n")
    (tmp_path / "test_code.py").write_text("from code_of import f\n\ndef test_f():\n    assert f(1) == 2\n")
    (tmp_path / "test_broken.py").write_text("def test_f():\n    assert False\n")
    return tmp_path


def test_a_fault_is_found_survives_or_is_stale_and_the_file_is_as_before(tree, capsys):
    text = (tree / "code_of.py").read_text()
    faults = [("x + 1", "x + 2", "code"), ("x - 1", "x - 2", "code"), ("x * 1", "x", "code"), ("x + 1", "x", "broken")]
    fates = mutants.report([mutants.Mutant("code_of.py", old, new, f"test_{t}.py") for old, new, t in faults], tree)
    assert fates == list(mutants.FATES)
    said = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert said == ["found", "survived", "stale", "test"] and (tree / "code_of.py").read_text() == text


def test_faults_are_counted_by_package():
    listed = [mutants.Mutant(f"ddet/{file}.py", "a", "b", "t") for file in ("data/x", "data/layouts/y", "z")]
    lines = [line.split() for line in mutants.summary(listed, ["found", "stale", "found"]).splitlines()]
    assert lines[0][:5] == ["package", "planted", "found", "survived", "stale"]
    assert lines[1:] == [line.split() for line in ("data 2 1 0 1 0", "plumbing 1 1 0 0 0", "all 3 2 0 1 0")]


def test_parts_are_chosen_by_file_or_test(capsys):
    assert mutants._main(["--list", "--only", "ddet/report/html"]) == 0
    assert capsys.readouterr().out.startswith("ddet/report/html.py: ")
    assert mutants._main(["--list", "--only", "test_keys"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == sum(m.test == "tests/test_keys.py" for m in LISTED) > 5
