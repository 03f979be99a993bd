"""Hashes of configurations and tables: what they see, and what they do not."""

import hashlib

import pandas as pd

from ddet.hashing import fingerprint


def test_fingerprint_sees_values_names_and_order():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    others = [frame.rename(columns={"a": "c"}), frame[::-1], frame.assign(b=["x", "z"]), frame[:1]]
    assert len({fingerprint(f) for f in (frame, *others)}) == 5
    assert fingerprint(frame) == fingerprint(frame.copy()) == hashlib.sha256(b"a,b\n1,x\n2,y\n").hexdigest()[:12]
