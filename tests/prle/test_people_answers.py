"""Answers of people: what is right by hand, intervals over persons and pictures, a figure that says who was asked."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ddet.errors import InputError
from ddet.prle import people_answers
from ddet.prle.people import KEY


def key(pictures: int = 24) -> pd.DataFrame:
    kinds = [("Deepfakes", 1, 0.0), ("Deepfakes", 1, 1.0), ("original", 0, 0.0), ("original", 0, 1.0)]
    lines = [[f"{i:03d}", f"c{i}", 0, *kinds[i % 4], f"g{i}"] for i in range(pictures)]
    return pd.DataFrame(lines, columns=KEY)


def simulated(known: pd.DataFrame, persons: int, whole: float, hidden: float, name: str = "simulated") -> pd.DataFrame:
    """Let persons be right with one chance on whole faces and with another on hidden ones."""
    draw = np.random.default_rng(1)
    lines = []
    for person in range(persons):
        for order, line in enumerate(known.sample(frac=1, random_state=person).itertuples()):
            right = draw.random() < (whole if line.alpha == 0 else hidden)
            word = ("real", "fake")[line.label if right else 1 - line.label]
            lines.append([f"{name}{person}", order, line.item, word, 900])
    return pd.DataFrame(lines, columns=people_answers.ANSWERS)


@pytest.fixture
def files(tmp_path):
    key().to_csv(tmp_path / "key.csv", index=False)

    def write(told: pd.DataFrame, name: str = "a.csv"):
        told.to_csv(tmp_path / name, index=False)
        return tmp_path / "key.csv", [tmp_path / name]

    return write


def test_right_is_what_the_key_says(files):
    told = pd.DataFrame([["p", 0, "000", "fake", 5], ["p", 1, "002", "fake", 5]], columns=people_answers.ANSWERS)
    assert people_answers.read(*files(told))["right"].tolist() == [True, False]


def test_the_share_by_hand_and_its_interval():
    told = pd.DataFrame({"person": list("aabb"), "item": list("1212"), "right": [True, True, True, False]})
    share, low, high = people_answers.accuracy(told)
    assert share == 0.75 and low < share < high <= 1
    assert people_answers.accuracy(told.assign(right=True)) == (1.0, 1.0, 1.0)


def test_pictures_widen_the_interval_as_persons_do():
    """Ten persons who err on the same half of the pictures: resampling persons alone would give no width at all."""
    told = pd.DataFrame([[p, i, i % 2 == 0] for p in range(10) for i in range(10)], columns=["person", "item", "right"])
    share, low, high = people_answers.accuracy(told)
    assert share == 0.5 and low < 0.3 and high > 0.7


def test_the_interval_covers_the_truth_of_simulated_people():
    known, hits = key(), 0
    for trial in range(20):
        told = simulated(known, 12, 0.8, 0.8, name=f"t{trial}-")
        told = told.merge(known, on="item").assign(right=lambda d: (d["answer"] == "fake") == (d["label"] == 1))
        told["right"] = np.random.default_rng(trial).random(len(told)) < 0.8
        _, low, high = people_answers.accuracy(told, draws=400)
        hits += low <= 0.8 <= high
    assert hits >= 17


def test_hidden_faces_are_told_apart_from_whole_ones(files):
    found = people_answers.table(people_answers.read(*files(simulated(key(), 12, 0.95, 0.55))))
    by_alpha = found[found["faces"] == "all"].set_index("alpha")
    assert by_alpha.loc[0.0, "low"] > by_alpha.loc[1.0, "high"]
    assert by_alpha["persons"].tolist() == [12, 12] and by_alpha["pictures"].tolist() == [12, 12]
    assert set(found["faces"]) == {"all", "Deepfakes", "original"}


@pytest.mark.parametrize(
    ("simulation", "said"), [(True, "2 simulated answerers: nobody was asked"), (False, "2 persons")]
)
def test_the_figure_says_who_was_asked(files, simulation, said):
    found = people_answers.table(people_answers.read(*files(simulated(key(), 2, 0.9, 0.5))))
    drawn = people_answers.figure(found, simulation)
    assert drawn._suptitle.get_text() == f"Figure 10: {said}, too few to trust the interval"
    plt.close(drawn)


def test_the_command_writes_figure_and_table(files, tmp_path, capsys):
    known, (told,) = files(simulated(key(), 2, 0.9, 0.5))
    assert people_answers.main([str(known), str(told), "--out", str(tmp_path / "out")]) == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {f"prle_fig10.{kind}" for kind in ("csv", "md", "html", "svg", "png")}
    assert "nobody was asked" in (tmp_path / "out/prle_fig10.md").read_text()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"item": "999"}, "picture 999 is not in the key"),
        ({"answer": "maybe"}, "'maybe' is no answer"),
        ({"item": "000"}, "answers about one picture twice"),
    ],
)
def test_answers_that_cannot_be_used_are_one_line(files, change, cause, capsys):
    told = pd.DataFrame([["p", 0, "000", "fake", 5], ["p", 1, "001", "real", 5]], columns=people_answers.ANSWERS)
    told.loc[1, list(change)] = list(change.values())
    known, (file,) = files(told)
    assert people_answers.main([str(known), str(file)]) == 2 and cause in capsys.readouterr().err


def test_files_of_other_columns_are_refused(files):
    known, (file,) = files(pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match="lacks the columns person"):
        people_answers.read(known, [file])
