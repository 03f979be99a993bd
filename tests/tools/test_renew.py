"""The study's keys after an edit that changed no bit."""

import json

import pandas as pd
import pytest

from ddet.errors import InputError
from ddet.tools import renew


def write(folder, key: str, stage: str = "herd", lr: object = 0.1, weights: str = "w", start: str = "s") -> None:
    run = folder / "data/runs" / stage / key
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"key": key, "code": key, "config": {"lr": lr, "start": start}}))
    (run / "manifest.json").write_text(json.dumps({"run.json": key, "weights.safetensors": weights}))


@pytest.fixture
def ledger(tmp_path):
    lines = [("a", "old1 other"), ("b", "old2"), ("c", "old1 old2 old3 old4")]
    pd.DataFrame(lines, columns=["id", "runs"]).assign(seeds="010").to_csv(tmp_path / "kept.csv", index=False)
    return tmp_path / "kept.csv"


def test_a_run_with_the_same_settings_and_bytes_gets_its_new_key_and_no_other_does(tmp_path, ledger):
    before, after = tmp_path / "before", tmp_path / "after"
    write(before, "old1", start="phase of before")
    write(after, "new1", start="phase of today")
    write(before, "old2", weights="x")
    write(after, "new2", weights="y")  # its bits changed
    write(before, "old3", lr=0.2)
    write(after, "new3", lr=0.3)  # another recipe, which ended alike
    write(before, "old4", "herd_results")
    write(after, "new4", "herd_masked")  # another stage
    assert renew.renew(before, after, ledger) == (1, 4)
    kept = pd.read_csv(ledger, dtype=str)
    assert kept["runs"].tolist() == ["new1 other", "old2", "new1 old2 old3 old4"]
    assert kept["seeds"].tolist() == ["010"] * 3, "other columns stay as they are written"


def test_a_key_in_the_settings_is_renewed_with_the_run_it_names(tmp_path, ledger):
    before, after = tmp_path / "before", tmp_path / "after"
    for folder, told in ((before, "old"), (after, "new")):
        write(folder, f"{told}3")
        write(folder, f"{told}2", "maps", lr={"detector": f"{told}3"})
        write(folder, f"{told}1", "fused", lr={"members": [f"{told}2", "own"]})  # read before what it rests on
        write(folder, f"{told}5", weights=told, lr=0.5)
        write(folder, f"{told}4", "maps", lr={"detector": f"{told}5"})  # of a detector whose bits changed
    assert renew.renew(before, after, ledger) == (3, 5)
    assert pd.read_csv(ledger, dtype=str)["runs"].tolist() == ["new1 other", "new2", "new1 new2 new3 old4"]


def test_what_is_not_there_is_one_line(tmp_path, ledger):
    write(tmp_path / "before", "old1")
    with pytest.raises(InputError, match="holds no finished run; run dvc repro there"):
        renew.renew(tmp_path / "before", tmp_path, ledger)
    with pytest.raises(InputError, match="no study is kept"):
        renew.renew(tmp_path / "before", tmp_path / "before", tmp_path / "none.csv")
    (tmp_path / "before/data/runs/herd/old1/manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"old1: cannot be read \(JSONDecodeError\); run its stage again"):
        renew.renew(tmp_path / "before", tmp_path / "before", ledger)


def test_the_command_says_how_many(tmp_path, ledger, monkeypatch, capsys):
    write(tmp_path / "before", "old1")
    monkeypatch.setattr(renew.studied, "KEPT", ledger)
    monkeypatch.setattr(renew.renew, "__defaults__", (ledger,))
    assert renew._main([str(tmp_path / "before"), str(tmp_path / "before")]) == 0
    assert capsys.readouterr().out == "1 of 1 runs are the same\n"
    assert renew._main([str(tmp_path / "before"), str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err
