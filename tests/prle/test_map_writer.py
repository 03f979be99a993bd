"""Maps are made once: a kill costs a shard, and what does not fit is refused."""

import errno
import json

import numpy as np
import pytest

from ddet.errors import InputError, writing
from ddet.prle import map_store, map_writer

COUNT, SIZE = 23, 6


def truth(count: int = COUNT) -> np.ndarray:
    return np.random.default_rng(0).random((count, SIZE, SIZE)).astype(np.float32)


class Source:
    """Yields maps of `truth` four at a time and notes for which crops it was asked; may die at one."""

    def __init__(self, dies_at: int | None = None, count: int = COUNT):
        self.maps, self.asked, self.dies_at, self.largest = truth(count), [], dies_at, 0

    def __call__(self, start, stop):
        for at in range(start, stop, 4):
            if self.dies_at is not None and at <= self.dies_at < at + 4:
                raise KeyboardInterrupt
            part = self.maps[at : min(at + 4, stop)]
            self.asked += range(at, at + len(part))
            self.largest = max(self.largest, len(part))
            yield part


def write(folder, source, **changes):
    given = {"count": COUNT, "size": SIZE, "data_hash": "abc", "shard": 8} | changes
    return map_writer.write(folder, source, **given)


def test_what_is_read_is_what_was_made_as_halves(tmp_path):
    source = Source()
    maps = write(tmp_path / "new" / "maps", source)
    assert maps.dtype == np.float16 and isinstance(maps, np.memmap) and not maps.flags.writeable
    np.testing.assert_array_equal(maps, truth().astype(np.float16))
    np.testing.assert_array_equal(map_store.read(tmp_path / "new" / "maps", "abc"), maps)
    assert source.asked == list(range(COUNT)) and source.largest == 4
    assert sorted(p.name for p in (tmp_path / "new" / "maps").iterdir()) == ["maps.json", "maps.npy"]
    assert json.loads((tmp_path / "new" / "maps" / "maps.json").read_text()) == {
        "data_hash": "abc",
        "count": 23,
        "size": 6,
    }


def test_the_space_of_all_maps_is_taken_before_the_first_is_made(tmp_path):
    """A page of a sparse file that a full disk has no place for ends the process with SIGBUS and no message."""
    taken = []

    def source(start, stop):
        file = (tmp_path / map_store.PARTIAL).stat()
        taken.append(file.st_blocks * 512 >= file.st_size)
        yield np.zeros((stop - start, 64, 64))

    write(tmp_path, source, size=64)
    assert taken == [True] * 3


def test_a_disk_without_that_space_is_an_error_before_the_first_and_nothing_is_lost(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    source = Source()
    with monkeypatch.context() as now, pytest.raises(InputError, match="No space left on device"), writing(tmp_path):
        now.setattr(map_writer.os, "posix_fallocate", full)
        write(tmp_path, source)
    assert source.asked == []
    np.testing.assert_array_equal(write(tmp_path, source), truth().astype(np.float16))


def test_a_begun_file_takes_its_space_too(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, Source(dies_at=9))
    calls = []
    monkeypatch.setattr(map_writer.os, "posix_fallocate", lambda *given: calls.append(given[1:]))
    size = (tmp_path / map_store.PARTIAL).stat().st_size
    write(tmp_path, Source())
    assert calls == [(0, size)]


def test_finished_maps_are_not_made_again(tmp_path):
    write(tmp_path, Source())
    again = Source()
    np.testing.assert_array_equal(write(tmp_path, again), truth().astype(np.float16))
    assert again.asked == []


@pytest.mark.parametrize(("dies_at", "missing"), [(0, 0), (10, 8), (15, 8), (16, 16), (22, 16)])
def test_after_a_kill_whole_shards_stay_and_the_others_are_made(tmp_path, dies_at, missing):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, Source(dies_at))
    with pytest.raises(InputError, match="holds unfinished maps"):
        map_store.read(tmp_path, "abc")
    again = Source()
    np.testing.assert_array_equal(write(tmp_path, again), truth().astype(np.float16))
    assert again.asked == list(range(missing, COUNT))


def test_a_kill_while_the_file_is_laid_out_costs_nothing_else(tmp_path):
    (tmp_path / map_store.PARTIAL).write_bytes(b"\x93NUMPY")
    (tmp_path / map_writer.DONE).mkdir()
    (tmp_path / map_writer.DONE / "0-8").touch()
    np.testing.assert_array_equal(write(tmp_path, Source()), truth().astype(np.float16))


def test_shards_may_be_made_by_several_processes(tmp_path):
    source = Source()
    np.testing.assert_array_equal(write(tmp_path, source, jobs=2), truth().astype(np.float16))


def test_maps_of_other_data_are_refused_with_both_hashes(tmp_path):
    write(tmp_path, Source())
    with pytest.raises(InputError, match="maps of data_hash abc, asked for are those of data_hash xyz") as caught:
        map_store.read(tmp_path, "xyz")
    assert str(tmp_path) in str(caught.value) and "same training split" in str(caught.value)
    with pytest.raises(InputError, match=r"data_hash abc.*data_hash xyz"):
        write(tmp_path, Source(), data_hash="xyz")
    with pytest.raises(InputError, match=r"size 6.*size 7"):
        write(tmp_path, Source(), size=7)
    with pytest.raises(InputError, match=r"count 23.*count 9"):
        write(tmp_path, Source(count=9), count=9)
    np.testing.assert_array_equal(map_store.read(tmp_path, "abc"), truth().astype(np.float16))


def test_unfinished_maps_of_other_data_are_refused_too(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, Source(10))
    with pytest.raises(InputError, match=r"data_hash abc.*data_hash xyz"):
        write(tmp_path, Source(), data_hash="xyz")


@pytest.mark.parametrize("more", [-1, 1])
@pytest.mark.parametrize("count", [8, COUNT])
def test_too_few_or_too_many_maps_are_one_line(tmp_path, more, count):
    def wrong(start, stop):
        yield truth()[: stop - start + more]

    with pytest.raises(InputError, match="crops 0 to 8 did not get one map each"):
        write(tmp_path, wrong, count=count)
    with pytest.raises(InputError, match="unfinished"):
        map_store.read(tmp_path, "abc")


def test_no_maps_and_no_crops_are_one_line(tmp_path):
    with pytest.raises(InputError, match="holds no maps; run the notebook"):
        map_store.read(tmp_path, "abc")
    with pytest.raises(InputError, match="there is no crop to map"):
        write(tmp_path, Source(), count=0)
