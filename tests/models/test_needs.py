"""What networks need beside the image in training, asked of the networks."""

import pytest
from toys import NET

from ddet import params
from ddet.errors import InputError
from ddet.models.needs import needs_of

CASES = {"needy": ("label", "mask", "pair"), "timm": (), "rfm": ("label",), "mesoinception4": ("label",)}


@pytest.mark.parametrize("name", CASES)
def test_a_network_says_what_it_needs_in_one_order(name, monkeypatch):
    monkeypatch.setitem(params.NETWORKS, "needy", "needy")
    assert needs_of(NET.model_copy(update={"name": name, "backbone": "slim_xception"})) == CASES[name]


def test_an_unknown_network_is_one_line():
    with pytest.raises(InputError, match="no such network"):
        needs_of(NET.model_copy(update={"name": "nothing"}))
