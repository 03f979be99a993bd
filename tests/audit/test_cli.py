"""python -m ddet.audit on anyone's table: what it finds, what it refuses, in which line."""

import subprocess
import sys

import pytest

from ddet.audit import __main__ as cli

GOOD = "model,Accuracy,Macro F1,AUC,epochs\nours,0.9333,0.8408,0.977,3\n\nrst,0.9372,0.8498,0.9824,4\n"


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def run(path, capsys, real="1415", fake="13543"):
    code = cli.main([str(path), "--real", real, "--fake", fake])
    return code, *capsys.readouterr()


def test_a_sound_table_passes(tmp_path, capsys):
    code, out, err = run(write(tmp_path, GOOD), capsys)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1].endswith("0 found")
    assert "columns not used: epochs" in out


def test_a_planted_error_is_found(tmp_path, capsys):
    code, out, _ = run(write(tmp_path, GOOD + "rival,0.7900,0.9350,0.9970,1\n"), capsys)
    assert code == 1
    assert "infeasible: Table table.csv, rival: accuracy 0.7900 with F1 0.9350" in out
    assert "uninformative: Table table.csv, rival, Acc 0.7900 is not above 0.9054" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "table.csv: empty"),
        ("model,acc,f1\n", "table.csv: no rows under the header"),
        ("model,acc\na,0.5\n", "line 1: needs exactly one column for F1"),
        ("model,acc,accuracy,f1\na,0.5,0.5,0.5\n", "line 1: needs exactly one column for Acc"),
        ("model,acc,f1\na,0.5,0.5\n\nb,0.5\n", "line 4: 2 cells under a header of 3"),
        ("model,acc,f1\na,0.5,n/a\n", "line 2: F1 is 'n/a'"),
        ("model,acc,f1\na,-0.5,0.5\n", "line 2: Acc is '-0.5'"),
        ("model,acc,f1\na,101,0.5\n", "line 2: Acc is '101'"),
        ("model,acc,f1\na,5e-1,0.5\n", "line 2: Acc is '5e-1'"),
        ("model,acc,f1\na,0.5,0.5\na,0.6,0.6\n", "line 3: the name 'a' stands there a second time"),
        ('model,acc,f1\na,0.5,0.5\n"b,0.6,0.6\n', "line 3: unexpected end of data"),
    ],
)
def test_malformed_tables_give_the_line_and_the_reason(tmp_path, capsys, text, message):
    code, out, err = run(write(tmp_path, text), capsys)
    assert (code, out) == (2, "")
    assert message in err and err.count("\n") == 1


def test_an_empty_cell_is_no_number_but_no_error(tmp_path, capsys):
    code, out, _ = run(write(tmp_path, "model,acc,f1\na,0.9333,\nb,0.9333,0.8408\n"), capsys)
    assert code == 0 and "things examined" in out


@pytest.mark.parametrize("number", ["0", "-3", "1.5", "many"])
def test_class_counts_must_be_positive(tmp_path, capsys, number):
    with pytest.raises(SystemExit) as stop:
        run(write(tmp_path, GOOD), capsys, real=number)
    assert stop.value.code == 2
    assert "positive whole number" in capsys.readouterr().err or number == "-3"


def test_it_runs_as_a_module(tmp_path):
    command = [sys.executable, "-m", "ddet.audit", str(write(tmp_path, GOOD)), "--real", "1415", "--fake", "13543"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
