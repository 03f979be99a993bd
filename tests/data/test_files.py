"""A table is written in one step: whoever reads beside the writer sees the old one or the new one, whole."""

import os
import threading

import pandas as pd
import pytest

from ddet import paths
from ddet.data import files

LONG = pd.DataFrame({"arm": [f"arm {n}" for n in range(20_000)], "share": 1 / 3})


def test_writes_fractions_with_the_digits_asked_for_into_a_folder_that_is_not_there(tmp_path):
    files.write_csv(LONG.head(1), tmp_path / "new" / "told.csv", 3)
    files.write_csv(LONG.head(1), tmp_path / "new" / "all.csv")
    assert (tmp_path / "new/told.csv").read_text() == "arm,share\narm 0,0.333\n"
    assert (tmp_path / "new/all.csv").read_text() == "arm,share\narm 0,0.3333333333333333\n"


def test_parquet_comes_back_as_it_was(tmp_path):
    files.write_parquet(LONG, tmp_path / "new" / "table.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "new/table.parquet"), LONG)


@pytest.mark.parametrize(("write", "read"), [(files.write_csv, pd.read_csv), (files.write_parquet, pd.read_parquet)])
def test_a_reader_beside_the_writer_always_finds_the_whole_table(tmp_path, write, read):
    path, done = tmp_path / "told", threading.Event()
    write(LONG, path)

    def again():
        for _ in range(20):
            write(LONG, path)
        done.set()

    writer = threading.Thread(target=again)
    writer.start()
    lengths = set()
    while not done.is_set():
        lengths.add(len(read(path)))
    writer.join()
    assert lengths == {len(LONG)}


def test_a_write_that_fails_leaves_the_table_of_before_and_no_other_file(tmp_path, monkeypatch):
    files.write_csv(LONG.head(2), tmp_path / "told.csv")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write_csv(LONG, tmp_path / "told.csv")
    assert len(pd.read_csv(tmp_path / "told.csv")) == 2 and os.listdir(tmp_path) == ["told.csv"]


def test_no_notebook_writes_a_table_that_another_may_read_half_written():
    """Their stages may run side by side, and so may nbval's workers."""
    texts = {file.name: file.read_text(encoding="utf-8") for file in sorted((paths.ROOT / "notebooks").glob("*.ipynb"))}
    assert len(texts) > 15
    assert [name for name, text in texts.items() if ".to_csv(" in text or ".to_parquet(" in text] == []
