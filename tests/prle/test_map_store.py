"""Maps on disk: read as they lie there, bound to their crops, refused where they are not those asked for."""

import json

import numpy as np
import pandas as pd
import pytest

from ddet.data.landmarks import POINTS
from ddet.errors import InputError
from ddet.hashing import fingerprint
from ddet.prle import map_store

HALVES = np.random.default_rng(0).random((5, 6, 6)).astype(np.float16)


@pytest.fixture
def folder(tmp_path):
    """Lay out maps of the data "abc"."""
    np.save(tmp_path / map_store.MAPS, HALVES)
    (tmp_path / map_store.HEAD).write_text(json.dumps({"data_hash": "abc", "count": 5, "size": 6}))
    return tmp_path


def test_maps_are_read_from_the_disk_and_cannot_be_changed(folder):
    maps = map_store.read(folder, "abc")
    np.testing.assert_array_equal(maps, HALVES)
    assert isinstance(maps, np.memmap) and maps.dtype == np.float16 and not maps.flags.writeable


def test_maps_of_other_data_are_refused_with_both_names(folder):
    with pytest.raises(
        InputError, match="holds maps of data_hash abc, asked for are those of data_hash xyz; remove the folder"
    ):
        map_store.read(folder, "xyz")


def test_every_wanted_fact_is_compared(folder):
    map_store.check(folder, {"count": 5, "size": 6})
    with pytest.raises(InputError, match="maps of size 6, asked for are those of size 7"):
        map_store.check(folder, {"count": 5, "size": 7})


@pytest.mark.parametrize("lost", [map_store.MAPS, map_store.HEAD])
@pytest.mark.parametrize(("left", "state"), [(True, "unfinished maps"), (False, "no maps")])
def test_maps_that_are_not_whole_are_none(folder, lost, left, state):
    (folder / lost).unlink()
    if left:
        (folder / map_store.PARTIAL).touch()
    with pytest.raises(InputError, match=f"holds {state}; run the notebook") as e:
        map_store.read(folder, "abc")
    assert "\n" not in str(e.value)


def rows(**changes) -> pd.DataFrame:
    table = {"clip_id": ["a", "b", "c"], "frame_idx": [0, 5, 5], "track": 0, "sha": ["x", "y", "z"], "label": [0, 1, 1]}
    table |= {"split": ["train", "train", "test"], "group": "g", "crop": "c.png", "size": 9} | dict.fromkeys(
        POINTS, 1.5
    )
    return pd.DataFrame(table | changes)


def test_maps_are_bound_to_their_crops_whatever_these_are_called():
    own = map_store.identity(rows())
    plain = ["clip_id", "frame_idx", "track", "sha", "label", "split", "group", "size"]
    assert own == fingerprint(rows()[[*plain, *POINTS]])
    assert own == map_store.identity(rows(crop="elsewhere.png")) != map_store.identity(rows()[:2])
    for change in (
        {"lm_x0": 2.5},
        {"sha": ["x", "another", "z"]},
        {"label": [0, 0, 1]},
        {"split": ["train", "valid", "test"]},
    ):
        assert map_store.identity(rows(**change)) != own
    assert map_store.identity(rows()[::-1]) != own, "their order is the maps' order"
