"""Fixtures that several test modules share."""

from pathlib import Path

import drawn  # noqa: F401 (registers the profiles)
import pytest
from hypothesis import settings

from ddet import paths

settings.load_profile("same")  # --hypothesis-profile chooses another


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the pipeline first: it takes longest, and the other tests run beside it."""
    items.sort(key=lambda item: item.get_closest_marker("pipeline") is None)


@pytest.fixture(scope="session")
def real_footage() -> Path:
    """Return the folder of real footage, or skip: it may not be copied into this repository."""
    folder = paths.ROOT.parent / "shared" / "real"
    if not folder.is_dir():
        pytest.skip(
            f"real footage is not at {folder}; it is third-party material that does not travel with the repository"
        )
    return folder
