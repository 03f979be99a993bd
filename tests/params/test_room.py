"""How many processes a machine has room for."""

import joblib
import pytest

from ddet import params
from ddet.params import room


@pytest.fixture
def of(monkeypatch, tmp_path):
    """Let the machine have so many cores and GB of memory to give."""

    def set_(cores: int, available: float | None) -> None:
        monkeypatch.setattr(joblib, "cpu_count", lambda: cores)
        said = "" if available is None else f"MemAvailable: {int(available * 2**20)} kB\n"
        (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\n{said}")
        monkeypatch.setattr(room, "MEMINFO", tmp_path / "meminfo")

    return set_


@pytest.mark.parametrize(
    ("cores", "available", "expected"),
    [(2, 24, 2), (1, 24, 1), (4, 24, 4), (64, 500, 8), (8, 6, 2), (8, 7.3, 3), (2, 1, 1), (16, None, 8)],
)
def test_auto_is_one_a_core_as_far_as_memory_goes(of, cores, available, expected):
    of(cores, available)
    assert room.as_many_as("auto") == expected


def test_a_number_stays_and_another_word_is_refused(of):
    of(64, 500)
    assert room.as_many_as(3) == 3
    with pytest.raises(ValueError, match="'many' is neither a number nor auto"):
        room.as_many_as("many")


def test_where_the_system_does_not_say_memory_sets_no_bound(of, monkeypatch, tmp_path):
    of(4, 1)
    monkeypatch.setattr(room, "MEMINFO", tmp_path / "none")
    assert room.as_many_as("auto") == 4


def test_the_default_profile_takes_what_there_is_and_holds_a_number(of):
    of(5, 500)
    runtime = params.load().runtime
    assert (runtime.jobs, runtime.fits) == (5, 5)
