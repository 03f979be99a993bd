"""What finished runs left, read back: which run is which arm, predictions, histories, weights."""

import json

import pandas as pd
import pytest
import torch
from herd_toys import planned, write_run
from toys import NET, RUNTIME, arm, given, store, write_faces

from ddet import models
from ddet.data import crop_table
from ddet.errors import InputError
from ddet.herd import train as herd_train
from ddet.runs import finished
from ddet.runs import planned as runs_planned
from ddet.runs import starts as runs_starts
from ddet.runs.store import RECORD
from ddet.training import learner


def test_tables_of_runs_come_back_with_their_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(finished.paths, "RUNS", tmp_path / "runs")
    lines = [("t", "NA", s, f"{s}c", f"{s}a {s}b {s}c") for s in (0, 1)] + [
        ("u", "RF", s, f"{s}d", f"{s}d") for s in (0, 1)
    ]
    table = pd.DataFrame(lines, columns=["stage", "arm", "seed", "key", "chain"])
    table["folder"] = [
        tmp_path / "runs" / stage / key for stage, key in zip(table.pop("stage"), table["key"], strict=True)
    ]
    written = finished.write_runs(table[table["arm"] == "NA"], tmp_path / "t_runs.csv")
    assert written.columns.tolist() == ["arm", "seed", "key", "chain"]
    finished.write_runs(table[table["arm"] == "RF"], tmp_path / "u_runs.csv")
    pd.testing.assert_frame_equal(finished.read_runs(("t", "u"), results=tmp_path), table)
    assert finished.read_runs(["t", "u"], ["RF"], tmp_path)["arm"].tolist() == ["RF", "RF"]


def test_keys_stay_text_and_the_arm_called_na_an_arm(tmp_path):
    (tmp_path / "t_runs.csv").write_text("arm,seed,key,chain\nNA,0,012345678901,012345678901\nRF,0,1e5,1e5\n")
    found = finished.read_runs(["t"], results=tmp_path)
    assert found["arm"].tolist() == ["NA", "RF"] and found["key"].tolist() == ["012345678901", "1e5"]
    assert found["chain"].tolist() == found["key"].tolist()
    assert finished.keys(found, "RF", "none", "NA") == ["1e5", "012345678901"]


def test_runs_that_are_not_there_are_one_line(tmp_path):
    with pytest.raises(InputError, match=r"t_runs\.csv: no runs yet; run the notebook that trains them$"):
        finished.read_runs(["t"], results=tmp_path)
    (tmp_path / "t_runs.csv").write_text("arm,seed,key,chain\nNA,0,a,a\n")
    with pytest.raises(InputError, match=r"^arm Base: was not trained; add it to the arms in params\.yaml, [^\n]*$"):
        finished.read_runs(["t"], ["NA", "Base"], tmp_path)


def test_histories_count_epochs_on_over_the_phases(tmp_path):
    one, two = (pd.DataFrame({"epoch": range(1, n + 1), "frame_auc": 0.5}) for n in (1, 2))
    lines = [write_run(tmp_path, "NA", seed, None, [one]) for seed in (0, 1)]
    lines += [write_run(tmp_path, "MEP", seed, None, [one, two, one]) for seed in (0, 1)]
    found = finished.histories(pd.DataFrame(lines))
    assert found.columns.tolist() == ["arm", "seed", "phase", "epoch", "frame_auc"]
    assert found.index.tolist() == list(range(10))
    assert found["arm"].tolist() == ["NA"] * 2 + ["MEP"] * 8
    for seed in (0, 1):
        one = found[(found["arm"] == "MEP") & (found["seed"] == seed)]
        assert one["phase"].tolist() == [1, 2, 2, 3] and one["epoch"].tolist() == [1, 2, 3, 4]
    assert found["epoch"].tolist()[:2] == [1, 1]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Train a curriculum of two phases with two seeds."""
    root = tmp_path_factory.mktemp("faces")
    rows = crop_table.load(write_faces(root), "celebdf", "identity")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs_starts, "start_of", lambda backbone: (None, ""))
        made = planned(2, MEP=arm("flips", curriculum="two"), inputs=given(rows))
        return runs_planned.run(store(root), made, given(rows), RUNTIME, root, herd_train.train)


def test_predictions_of_an_arm_are_one_table_a_seed_of_the_test_crops(done):
    first, second = finished.predictions(done, "MEP")
    assert len(first) == 6 and set(first["split"]) == {"test"} and first.index.tolist() == list(range(6))
    assert first["clip_id"].tolist() == second["clip_id"].tolist()
    assert not first["prob_fake"].equals(second["prob_fake"])


def test_predictions_of_valid_are_of_the_crops_that_chose_the_epoch(done):
    first, second = finished.valid(done, "MEP")
    assert set(first["split"]) == {"valid"} and first["clip_id"].tolist() == second["clip_id"].tolist()
    assert not set(first["clip_id"]) & set(finished.predictions(done, "MEP")[0]["clip_id"])


def test_a_run_knows_its_configuration_and_gives_its_network_back(done):
    row = done.iloc[0]
    config = finished.config_of_run(row["folder"])
    assert config == json.loads((row["folder"] / RECORD).read_text())["config"]
    assert config["mask"] == "none" and config["start"] == {"phase": row["chain"].split()[0]}
    net = finished.load_model(row["folder"])
    assert not net.training and type(net) is type(models.create(NET))
    state, saved = net.state_dict(), learner.safetensors.torch.load_file(row["folder"] / learner.WEIGHTS)
    assert all(torch.equal(state[name], value) for name, value in saved.items()) and set(state) == set(saved)
