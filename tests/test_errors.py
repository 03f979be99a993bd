"""The error a person can mend: one line, and the same one after the way out of a worker process."""

import copy
import pickle
from pathlib import Path

from ddet.errors import InputError, meant

ERROR = InputError(Path("clips") / "a.mp4", "empty file", "fetch it again")


def test_says_where_what_and_how_to_go_on():
    assert str(ERROR) == f"{Path('clips', 'a.mp4')}: empty file; fetch it again"
    assert isinstance(ERROR, ValueError)


def test_survives_pickling_and_copying():
    for again in (pickle.loads(pickle.dumps(ERROR)), copy.deepcopy(ERROR)):
        assert type(again) is InputError and str(again) == str(ERROR)
        assert (again.where, again.cause, again.remedy) == (ERROR.where, "empty file", "fetch it again")


def test_survives_a_library_that_rewrites_the_arguments():
    rewritten = InputError("a.mp4", "empty file", "fetch it again")
    rewritten.args = ["Exception occured in `Some` when calling event `after_create`"]  # as fastai does
    assert str(pickle.loads(pickle.dumps(rewritten))) == str(rewritten) == "a.mp4: empty file; fetch it again"


def test_a_misspelt_word_is_met_with_the_one_most_like_it():
    assert meant("wieght", ["height", "width", "weight"]) == "did you mean 'weight'? "
    assert meant("colour", ["height", "width", "weight"]) == meant("weight", []) == ""
