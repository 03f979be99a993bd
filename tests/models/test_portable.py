"""The logarithm that every CPU rounds alike."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from ddet import isa
from ddet.models import portable

DIGEST = """
import ddet, torch, numpy as np
from ddet.models import portable
from ddet.hashing import digest
x = torch.from_numpy(np.random.default_rng(0).uniform(0.01, 9, 200_000).astype(np.float32))
print(digest(portable.log(x).numpy().tobytes()), digest(x.log().numpy().tobytes()))
"""


def test_it_is_the_logarithm_over_all_that_a_float_can_hold():
    rng = np.random.default_rng(0)
    bits = rng.integers(0x00800000, 0x7F7FFFFF, 200_000, dtype=np.int32)
    wide, near = bits.view(np.float32), rng.uniform(0.5, 2, 200_000).astype(np.float32)
    for x in (wide, near, np.float32([1, 2, 0.5, 2**-126])):
        true = np.log(x.astype(np.float64))
        found = portable.log(torch.from_numpy(x)).numpy()
        assert (np.abs(found - true) <= 1e-6 + 5e-8 * np.abs(true)).all()
    assert portable.log(torch.ones(1)).item() == 0


def test_what_is_no_number_stays_none():
    assert portable.log(torch.tensor([float("nan"), float("inf")])).isnan().all()


def test_its_argument_stays_and_its_gradient_is_the_reciprocal():
    x = torch.tensor([[0.25, 3.0], [1.0, 700.0]]).T.requires_grad_()  # of columns, so that its memory is not in order
    before = x.detach().clone()
    found = portable.log(x)
    found.backward(torch.full((2, 2), 2.0))
    torch.testing.assert_close(found, before.log())
    torch.testing.assert_close(x.grad, 2 / before)
    assert torch.equal(x.detach(), before)


@pytest.mark.skipif(bool(isa.missing()), reason="MKL's modes are of x86-64")
def test_its_bits_do_not_follow_the_mode_of_mkl_where_those_of_torch_do():
    """Under `isa: avx2` ddet sets the mode itself, so the test sets it behind its back."""
    told = []
    for mode in ("COMPATIBLE", "AVX2"):
        code = DIGEST.replace("import ddet, torch", f"import os, ddet; os.environ['MKL_CBWR'] = {mode!r}; import torch")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ))
        told.append(done.stdout.split())
    assert told[0][0] == told[1][0]
    if "GenuineIntel" in isa.CPUINFO.read_text():  # another maker's CPU has one mode
        assert told[0][1] != told[1][1]
