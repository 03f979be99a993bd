"""Paths: anchored on the repository, whatever the working directory, and named so that reports may move."""

import subprocess
import sys
from pathlib import Path

from ddet import paths


def test_the_root_is_the_repository():
    assert (paths.ROOT / "pyproject.toml").is_file() and (paths.ROOT / "ddet" / "paths.py").samefile(paths.__file__)


def test_every_place_lies_below_the_root_and_no_two_are_one():
    places = {name: value for name, value in vars(paths).items() if isinstance(value, Path)}
    assert len(places) > 10 and len(set(places.values())) == len(places)
    assert all(place.is_absolute() and place.is_relative_to(paths.ROOT) for place in places.values())


def test_places_by_hand():
    below = {"PARAMS": "params.yaml", "RAW": "data/raw", "SYNTHETIC": "data/synthetic", "FACES": "data/faces"}
    below |= {"RUNS": "data/runs", "RESULTS": "data/results", "PUBLISHED": "data/published"}
    below |= {"TABLES": "reports/tables", "FIGURES": "reports/figures"}
    for name, place in below.items():
        assert getattr(paths, name) == paths.ROOT / place
    assert paths.PARAMS.is_file() and paths.PUBLISHED.is_dir()


def test_the_working_directory_changes_nothing(tmp_path):
    code = "from ddet import paths; print(paths.DATA, paths.resolve('a'))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(paths.ROOT)},
    )  # fmt: skip
    assert done.stdout.split() == [str(paths.DATA), str(paths.ROOT / "a")]


def test_a_relative_path_is_below_the_root_and_an_absolute_one_stays(tmp_path):
    assert paths.resolve("data/raw") == paths.resolve(Path("data/raw")) == paths.RAW
    assert paths.resolve(tmp_path) == tmp_path and paths.resolve(str(tmp_path)) == tmp_path


def test_names_are_relative_inside_and_absolute_outside(tmp_path, monkeypatch):
    assert paths.relative(paths.ROOT / "data" / "raw" / "x") == "data/raw/x"
    assert paths.relative(paths.ROOT / "data" / ".." / "reports") == "reports"
    assert paths.relative(paths.ROOT) == "."
    assert paths.relative(tmp_path) == tmp_path.resolve().as_posix()
    beside = paths.ROOT.with_name(f"{paths.ROOT.name}-other")
    assert paths.relative(beside) == beside.as_posix(), "a folder whose name begins alike is not inside"
    monkeypatch.chdir(paths.ROOT / "data")
    assert paths.relative("raw") == "data/raw"


def test_resolving_a_name_gives_the_path_back(tmp_path):
    for path in (paths.FACES, tmp_path.resolve()):
        assert paths.resolve(paths.relative(path)) == path


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.resolve("~/videos") == tmp_path / "videos"
    assert paths.resolve("a~b") == paths.ROOT / "a~b"
