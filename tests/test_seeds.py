"""Seeds: the same on every machine and in every process, apart for what differs, and everything is seeded."""

import hashlib
import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ddet import paths
from ddet.seeds import derive, seed_everything

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(st.text(max_size=2), part, max_size=2),
)


def test_a_seed_by_hand():
    """The first four bytes of blake2s over the canonical text, without the lowest bit."""
    text = '["synth",7,{"a":1,"b":[true,null]}]'
    want = int.from_bytes(hashlib.blake2s(text.encode(), digest_size=4).digest(), "big") // 2
    assert derive("synth", 7, {"b": [True, None], "a": 1}) == want


def test_seeds_that_runs_have_been_made_with_stay():
    """A change here gives every run of every user another seed."""
    assert (derive(), derive("set", {}), derive(1, 2.5, "ü")) == (2093967149, 157325792, 53980373)


@given(JSON)
def test_seeds_fit_every_library(value):
    seed = derive(value)
    assert 0 <= seed < 2**31
    seed_everything(seed, torch.get_num_threads())


def test_what_differs_has_another_seed():
    parts = [(), (1,), ("1",), (1, 2), (12,), ([1, 2],), ({"a": 1},), ({"a": 2},), (None,), (True,), (1.5,), ("",)]
    assert len({derive(*p) for p in parts}) == len(parts)
    assert derive("a", "b") != derive("b", "a") and derive({"a": 1, "b": 2}) == derive({"b": 2, "a": 1})
    assert len({derive("clip", n) for n in range(5000)}) == 5000


def test_the_seed_does_not_depend_on_the_process():
    code = "from ddet.seeds import derive; print(derive('synth', {'b': 1, 'a': 'x'}, 3))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=paths.ROOT,
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": str(paths.ROOT)},
        ).stdout
        for salt in ("0", "1")
    }  # fmt: skip
    assert found == {f"{derive('synth', {'b': 1, 'a': 'x'}, 3)}\n"}


def test_what_is_no_json_has_no_seed():
    with pytest.raises(TypeError):
        derive({1, 2})


def drawn() -> tuple:
    return random.random(), float(np.random.random()), float(torch.rand(1)), float(torch.nn.Linear(1, 1).weight)


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_every_source_of_randomness_is_seeded(threads):
    seed_everything(5, 1)
    first = drawn()
    between = drawn()
    seed_everything(5, 1)
    assert drawn() == first and all(a != b for a, b in zip(first, between, strict=True))
    seed_everything(6, 1)
    assert all(a != b for a, b in zip(first, drawn(), strict=True))


def test_threads_are_pinned_and_cudnn_is_deterministic(threads):
    torch.backends.cudnn.benchmark = True
    for count in (2, 1):
        seed_everything(0, count)
        assert torch.get_num_threads() == count
    assert torch.backends.cudnn.deterministic and not torch.backends.cudnn.benchmark
