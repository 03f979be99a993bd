"""Hashes of configurations and tables: what they see, and what they do not."""

import hashlib

import pandas as pd
import pytest

from ddet.hashing import canonical, digest, fingerprint


def test_fingerprint_sees_values_names_and_order():
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    others = [frame.rename(columns={"a": "c"}), frame[::-1], frame.assign(b=["x", "z"]), frame[:1]]
    assert len({fingerprint(f) for f in (frame, *others)}) == 5
    assert fingerprint(frame) == fingerprint(frame.copy()) == hashlib.sha256(b"a,b\n1,x\n2,y\n").hexdigest()[:12]


def test_the_canonical_form_by_hand():
    value = {"b": [1, 2.5, None], "a": {"ü": True, "": "x y"}}
    assert canonical(value) == '{"a":{"":"x y","ü":true},"b":[1,2.5,null]}'
    assert canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1}) and canonical([1, 2]) != canonical([2, 1])
    assert canonical((1, 2)) == canonical([1, 2]) and canonical(1) != canonical("1") != canonical(1.0)


def test_what_is_no_json_is_not_written():
    with pytest.raises(TypeError):
        canonical({"a": {1}})


def test_a_digest_is_twelve_digits_of_sha256():
    assert digest(b"") == "e3b0c44298fc" and digest(b"abc") == "ba7816bf8f01"


def test_fingerprint_sees_types_that_print_apart_and_no_index():
    frame = pd.DataFrame({"a": [1, 2]})
    assert fingerprint(frame) == fingerprint(frame.set_axis([7, 8]))
    assert fingerprint(frame) != fingerprint(frame.astype(float)) and fingerprint(frame[[]]) != fingerprint(frame)
    assert fingerprint(pd.DataFrame({"a": [1], "b": [2]})) != fingerprint(pd.DataFrame({"b": [2], "a": [1]}))
