"""Adapters on official trees: what is there, what was promised, and who is who."""

import pytest
import trees

from ddet.data import layouts
from ddet.errors import InputError


@pytest.mark.parametrize("dataset", ["ffpp", "celebdf", "dfdc", "df1", "folder"])
def test_an_absent_dataset_is_one_line(tmp_path, dataset):
    with pytest.raises(
        InputError, match=rf"{trees.FOLDERS[dataset].replace('+', '.')}: no such folder for {dataset}; place"
    ):
        layouts.scan(trees.data(tmp_path, dataset))
