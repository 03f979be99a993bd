"""The repository as a new user finds it: pins agree, no network access, no absolute path of a machine in a file."""

import re
import subprocess
import sys
import tomllib

from packaging.requirements import Requirement

from ddet import paths
from ddet.tools import conda, large

LOCK = (paths.ROOT / "requirements.txt").read_text()
PROJECT = (paths.ROOT / "pyproject.toml").read_text()


def tracked():
    out = subprocess.run(["git", "ls-files"], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
    return [paths.ROOT / f for f in out.splitlines()]


def test_the_lock_satisfies_pyproject():
    pins = conda.pins(LOCK)
    project = tomllib.loads(PROJECT)["project"]
    for spec in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        need = Requirement(spec)
        name = re.sub(r"[-_.]+", "-", need.name).lower()
        assert need.specifier.contains(pins[name]), spec


def test_every_pin_is_hashed_and_no_address_is_named():
    names = re.findall(r"^[a-z0-9][^\s=]*==", LOCK, flags=re.M)
    blocks = re.split(r"^(?=[a-z0-9])", LOCK, flags=re.M)[1:]
    assert len(names) == len(blocks) > 100
    assert all("--hash=sha256:" in b for b in blocks)
    assert "://" not in LOCK and "index-url" not in LOCK


def test_running_environment_is_the_locked_one():
    from importlib.metadata import version

    pins = conda.pins(LOCK)
    for name in ("torch", "fastai", "albumentations", "dvc", "numpy"):
        assert version(name).split("+")[0] == pins[name], f"{name}: run make test, which installs the lock"


def test_dvc_does_not_call_home():
    config = (paths.ROOT / ".dvc" / "config").read_text()
    assert "analytics = false" in config and "check_update = false" in config


def test_importing_the_libraries_opens_no_socket():
    code = (
        "import socket\n"
        "def refuse(*a, **k): raise SystemExit('a socket was opened')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "import ddet, albumentations, timm, facenet_pytorch, fastai.vision.all, pytorch_grad_cam, dvc.repo\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=paths.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_machine():
    pattern = re.compile(r"(?<![A-Za-z0-9+/])/(?:root|home/\w+|work|tmp)/")  # not inside base64
    for file in tracked():
        if file.is_file() and file.suffix in {
            ".py",
            ".md",
            ".yaml",
            ".yml",
            ".toml",
            ".ipynb",
            ".html",
            ".csv",
            ".json",
            ".lock",
        }:
            hit = pattern.search(file.read_text())
            assert not hit or file.name == "test_repository.py", f"{file}: {hit and hit[0]}"


def test_nothing_large_is_tracked():
    for file in tracked():
        assert not file.is_file() or file.stat().st_size <= large.LIMIT, file
