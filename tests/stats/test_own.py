"""Anyone's prediction files: what is understood, what is refused by name, and that the numbers are those of tables."""

import numpy as np
import pandas as pd
import pytest
from predictions import CFG, made_up

from ddet.errors import InputError
from ddet.stats import bootstrap, own, pooling

GOOD = "clip,group,label,score\na,p,real,0.2\nb,p,fake,0.9\nb,p,fake,0.7\n"


def write(tmp_path, text, name="preds.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def saved(tmp_path, table: pd.DataFrame, name: str):
    names = {"clip_id": "video", "frame_idx": "frame", "prob_fake": "score"}
    table.drop(columns="track").rename(columns=names).to_csv(tmp_path / name, index=False)
    return tmp_path / name


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_file_is_read_whatever_separates_its_columns(tmp_path, mark):
    found = own.read(write(tmp_path, GOOD.replace(",", mark)))
    assert found["clip_id"].tolist() == ["a", "b", "b"] and found["frame_idx"].tolist() == [0, 0, 1]
    assert found["label"].tolist() == [0, 1, 1] and found["prob_fake"].tolist() == [0.2, 0.9, 0.7]


def test_names_of_columns_and_labels_are_understood(tmp_path):
    path = write(tmp_path, "Video_ID,person,y_true,prob,epoch\n1,7,1,0.2,3\n2,7,0,0.9,3\n")
    found = own.read(path)
    assert found["clip_id"].tolist() == ["1", "2"] and found["group"].tolist() == ["7", "7"]
    found.rename(columns={"clip_id": "clip"}).to_parquet(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(own.read(tmp_path / "p.parquet"), found)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "No columns to parse"),
        ("clip,label,score\na,0,0.5\n", "no columns for group"),
        ("clip,group,label,score,prob\na,p,0,0.5,0.5\n", "several columns for score"),
        (GOOD.replace("real", "genuine"), "a label is 'genuine'"),
        (GOOD.replace("0.7", "1.7"), r"outside \[0, 1\]"),
        (GOOD.replace("0.7", "high"), "1 of 3 probabilities are nan"),
        (GOOD.replace("b,p,fake,0.7", "b,q,fake,0.7"), "several values of group"),
        (GOOD.replace("a,p", "a,"), "a clip or group is empty"),
        ("clip,group,frame,label,score\na,p,1,0,0.5\na,p,1,0,0.6\n", "a crop is there twice"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_file(tmp_path, text, cause):
    with pytest.raises(InputError, match=rf"preds\.csv: .*{cause}") as error:
        own.read(write(tmp_path, text))
    assert "\n" not in str(error.value)


def test_a_person_called_na_is_a_person(tmp_path):
    found = own.read(write(tmp_path, GOOD.replace("b,p", "b,NA")))
    assert found["group"].tolist() == ["p", "NA", "NA"]


def test_frames_keep_their_order(tmp_path):
    text = "clip,group,frame,label,score\na,p,10,0,0.1\na,p,9,0,0.2\n"
    assert own.read(write(tmp_path, text))["prob_fake"].tolist() == [0.2, 0.1]


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        own.read(tmp_path / "none.csv")


def test_levels_and_differences_are_those_of_the_tables(tmp_path):
    seeds = {"a": [made_up(1), made_up(2)], "b": [made_up(3), made_up(4)]}
    models = {m: [own.read(saved(tmp_path, t, f"{m}{i}.csv")) for i, t in enumerate(some)] for m, some in seeds.items()}
    table = own.levels(models, ["clip_auc", "frame_accuracy"], CFG).set_index(["model", "metric"])
    every = pooling.pooled({model: bootstrap.over_seeds(some, CFG) for model, some in seeds.items()})
    for (model, metric), line in table.iterrows():
        e = every[model][metric]
        assert line[["value", "low", "high"]].tolist() == pytest.approx([e.value, e.low, e.high])
        assert line[["seeds", "groups", "clips"]].tolist() == [2, 12, 36]
    (line,) = own.differences(models, "a", ["clip_auc"], CFG).to_dict("records")
    gain = bootstrap.paired(seeds["b"], seeds["a"], "clip_auc", CFG)
    assert line["difference"] == "b - a" and line["value"] == pytest.approx(gain.value)
    shown = [line[name] for name in ("low", "high", "p", "detectable")]
    assert shown == pytest.approx([gain.low, gain.high, gain.p_value(), gain.detectable()])
    assert "people and seeds" in own.covers(models)


def test_one_file_a_model_gives_intervals_over_people_and_says_so():
    models = {"a": [made_up(1)], "b": [made_up(2)]}
    given = bootstrap.over_seeds(models["a"], CFG, given=True)["clip_auc"]
    line = own.levels(models, ["clip_auc"], CFG).iloc[0]
    assert (line["low"], line["high"]) == (given.low, given.high) and np.isnan(line["sd over seeds"])
    assert not own.differences(models, "b", ["clip_auc"], CFG)["low"].isna().any()
    assert "people alone" in own.covers(models)
