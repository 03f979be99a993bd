"""environment.yml follows from the lock and pyproject.toml, and the one in the repository is that."""

import pytest

from ddet import paths
from ddet.tools import conda

LOCK = """\
torch==2.11.0 ; sys_platform == 'linux' \\
    --hash=sha256:aa
scikit-learn==1.7.2 ; python_full_version < '3.12' \\
    --hash=sha256:bb
scikit-learn==1.8.0 ; python_full_version >= '3.12' \\
    --hash=sha256:cc
Foo_bar.baz==0.1 \\
    --hash=sha256:dd
    # via torch==9
"""
PROJECT = """
[project]
dependencies = ["torch>=2.11", "scikit_learn==1.*"]
[project.optional-dependencies]
dev = ["foo.bar-Baz[extra]>=0"]
"""


def test_pins_are_those_of_the_older_python_with_names_spelt_alike():
    assert conda.pins(LOCK) == {"torch": "2.11.0", "scikit-learn": "1.7.2", "foo-bar-baz": "0.1"}


def test_direct_dependencies_include_the_developers_tools():
    assert conda.direct(PROJECT) == ["foo-bar-baz", "scikit-learn", "torch"]


def test_the_environment_by_hand():
    assert conda.environment(LOCK, PROJECT) == (
        f"{conda.HEADER}\nname: ddet\nchannels: [conda-forge]\ndependencies:\n"
        "  - python=3.11\n  - pip\n  - pip:\n"
        "      - foo-bar-baz==0.1\n      - scikit-learn==1.7.2\n      - torch==2.11.0\n      - -e .\n"
    )


def test_a_dependency_that_the_lock_lacks_is_no_environment():
    with pytest.raises(KeyError, match="foo-bar-baz"):
        conda.environment("", PROJECT)


def test_environment_yml_is_written_from_the_lock():
    lock, project = ((paths.ROOT / name).read_text() for name in ("requirements.txt", "pyproject.toml"))
    assert (paths.ROOT / "environment.yml").read_text() == conda.environment(lock, project)
