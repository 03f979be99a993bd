"""A killed fit ends like one that was not, and the claim says so."""

import pytest
from asrid_toys import config, write_clips
from toys import RUNTIME

from ddet.asrid import repeatability
from ddet.asrid import train as asrid_train
from ddet.errors import InputError
from ddet.training import learner
from ddet.training.common import PREDICTIONS


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="module")
def rows(faces):
    return write_clips(faces)


def test_a_killed_fit_ends_with_the_same_files(rows, faces, tmp_path):
    asked = (config(rows, schedule="plateau", epochs=3, accumulate=2), rows, faces, None, RUNTIME)
    same = repeatability.compared(asrid_train.train, *asked, folder=tmp_path / "x")
    assert set(same) == {learner.HISTORY, learner.WEIGHTS, PREDICTIONS, asrid_train.STEPS} and all(same.values())
    assert not (tmp_path / "x").exists()


def write_once(out):
    (out / "weights.safetensors").write_bytes(b"x")


def test_a_fit_too_short_to_be_killed_is_one_line(tmp_path):
    with pytest.raises(InputError, match="not caught between two epochs"):
        repeatability.interrupted(write_once, out=tmp_path)


def test_the_claim_of_repeatability_falls_with_one_file():
    assert repeatability.line("asrid-seed", {"a": True, "b": True}, "d")["verdict"].item() == "holds"
    assert repeatability.line("asrid-seed", {"a": True, "b": False}, "d")["verdict"].item() == "fails"
    assert repeatability.line("asrid-seed", {}, "d")["verdict"].item() == "fails"
