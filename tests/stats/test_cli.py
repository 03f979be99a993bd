"""python -m ddet.stats on files: what it prints, writes and refuses; and that the page about it tells the truth."""

import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from ddet import paths
from ddet.stats import __main__ as cli

PAGE = paths.ROOT / "docs/own_predictions.md"


def example(folder, persons: int = 40) -> list[str]:
    """Write the files of the page's example: two models of three seeds; return their names."""
    rng = np.random.default_rng(11)
    label = np.tile([0, 1], persons)
    rows = pd.DataFrame({"clip": [f"c{i:03d}" for i in range(2 * persons)], "label": np.where(label, "fake", "real")})
    rows.insert(1, "group", np.repeat([f"person{i:02d}" for i in range(persons)], 2))
    hard = np.repeat(rng.normal(0, 0.6, persons), 2) + rng.normal(0, 0.8, 2 * persons)
    names = []
    for model, apart in (("ours", 2.4), ("theirs", 1.6)):
        for seed in (1, 2, 3):
            logit = (apart + rng.normal(0, 0.2)) * (label - 0.5) + hard + rng.normal(0, 0.4, 2 * persons)
            names.append(f"{model}_{seed}.csv")
            rows.assign(score=(1 / (1 + np.exp(-logit))).round(4)).to_csv(folder / names[-1], index=False)
    return names


def test_two_files_give_levels_and_the_difference_over_people(tmp_path, capsys):
    files = [str(tmp_path / name) for name in example(tmp_path)]
    assert cli.main(["table", files[0], files[3], "--resamples", "200", "--csv", str(tmp_path / "out")]) == 0
    out, err = capsys.readouterr()
    lines = [line.split(" | ") for line in out.splitlines() if line.startswith("|")]
    assert [line[0] for line in lines if "clip_auc" in line[1]] == ["| ours_1", "| theirs_1", "| theirs_1 - ours_1"]
    assert "over people alone" in out and err == ""
    table = pd.read_csv(tmp_path / "out/differences.csv")
    assert table["metric"].tolist() == list(cli.SHOWN) and (table["low"] < table["high"]).all()
    assert (pd.read_csv(tmp_path / "out/models.csv")["low"].notna()).all()


def test_the_example_of_the_page_prints_what_the_page_shows(tmp_path, monkeypatch, capsys):
    example(tmp_path)
    monkeypatch.chdir(tmp_path)
    page = PAGE.read_text()
    command = re.search(r"<!-- example -->\n```\npython -m ddet\.stats (.*)\n```", page)[1]
    assert cli.main(command.split()) == 0
    shown = re.search(r"<!-- output -->\n(.*?)\n\nA model is one file", page, re.S)[1]
    assert capsys.readouterr().out.strip() == shown.strip()
    assert (tmp_path / "ours_1.csv").read_text().startswith(re.search(r"```\n(clip,group.*?)\n```", page, re.S)[1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{0}", "{0}"], "ours_1: two models have this name"),
        (["{0}", "--metric", "auc"], "auc: no such metric"),
        (["{0}", "--metric", "clip_macro_f1_at_valid_threshold"], "no predictions of valid are read here"),
        (["{0}", "--against", "b"], "b: no such model; name one of ours_1"),
        (["a={0},missing.csv"], "missing.csv: no such file"),
    ],
)
def test_what_cannot_be_used_is_one_line(tmp_path, capsys, arguments, message):
    file = str(tmp_path / example(tmp_path)[0])
    assert cli.main(["table", *(a.format(file) for a in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


def test_too_few_resamples_are_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["table", str(tmp_path / example(tmp_path)[0]), "--resamples", "5"])
    assert stop.value.code == 2 and "greater than or equal to 100" in capsys.readouterr().err


def test_it_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "ddet.stats", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "table" in done.stdout
