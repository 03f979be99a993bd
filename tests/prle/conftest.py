"""Crops of noise that several tests of PRLE train on and look at."""

import pytest
from prle_toys import section, write_faces

from ddet.prle import arms as prle_arms
from ddet.runs import starts


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture(scope="module")
def rows(faces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts, "start_of", lambda backbone: (None, ""))
        return prle_arms.inputs(section(), prle_arms.fits(section()), faces).rows["FF++"]
