"""Ask a network what it needs beside the image in training, without computing anything."""

from torch._subclasses.fake_tensor import FakeTensorMode

from ddet import models, params

NEEDS = ("label", "mask", "pair")


def needs_of(net: params.Model) -> tuple[str, ...]:
    """Return what a network needs in training, out of NEEDS: labels, forged pixels, the untouched frame.

    Raises:
        InputError: no such network, or a size that it cannot take.
    """
    with FakeTensorMode():
        needs = getattr(models.create(net), "needs", ())
    return tuple(name for name in NEEDS if name in needs)
