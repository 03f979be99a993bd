"""Anyone's csv: read as printed, percent or share, and refused with the line that is malformed."""

import pytest

from ddet.audit import table
from ddet.errors import InputError

GOOD = "model,Accuracy,Macro F1,AUC,epochs\nours,0.9333,0.8408,0.977,3\n\nrst,0.9372,0.8498,0.9824,4\n"


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_percent_is_the_same_table(tmp_path):
    shares, _ = table.read(write(tmp_path, GOOD))
    percent, _ = table.read(write(tmp_path, GOOD.replace("0.9333", "93.33%").replace("0.9372", "93.72")))
    assert list(percent["printed"]) == list(shares["printed"])


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        table.read(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="not UTF-8 text at byte 14"):
        table.read(write(tmp_path, "model,acc,f1\na\xe4,0.5,0.5\n", "latin-1"))


def test_a_table_by_hand(tmp_path):
    frame, unused = table.read(write(tmp_path, GOOD))
    assert unused == ["epochs"]
    assert frame[["row", "column", "printed"]].values.tolist() == [
        ["ours", "Acc", "0.9333"], ["ours", "F1", "0.8408"], ["ours", "AUC", "0.977"],
        ["rst", "Acc", "0.9372"], ["rst", "F1", "0.8498"], ["rst", "AUC", "0.9824"],
    ]  # fmt: skip
    assert frame["value"].tolist() == pytest.approx([0.9333, 0.8408, 0.977, 0.9372, 0.8498, 0.9824])
    assert set(frame["table"]) == {"table.csv"}


def test_digits_stay_as_printed(tmp_path):
    frame, _ = table.read(write(tmp_path, "model,acc,f1\na,0.90,0.5\n"))
    assert frame["printed"].tolist() == ["0.90", "0.5"] and frame["digits"].tolist() == [2, 1]


@pytest.mark.parametrize("mark", [";", "\t"])
def test_semicolons_and_tabs_separate_columns_too(tmp_path, mark):
    frame, unused = table.read(write(tmp_path, GOOD.replace(",", mark)))
    assert unused == ["epochs"] and frame["printed"].tolist()[:3] == ["0.9333", "0.8408", "0.977"]


def test_a_perfect_score_without_decimals_has_those_of_its_column(tmp_path):
    frame, _ = table.read(write(tmp_path, "model,acc,f1\na,0.9333,100\nb,1,97.25\nc,0,0\n"))
    assert frame["printed"].tolist() == ["0.9333", "1.0000", "1.0000", "0.9725", "0.0000", "0.0000"]


@pytest.mark.parametrize(
    "header", ["model,ACC,f1-score", "model, Accuracy ,F1", "x,accuracy,Macro F1", "x,acc,F1 (macro)"]
)
def test_columns_go_by_several_names(tmp_path, header):
    frame, unused = table.read(write(tmp_path, f"{header}\na,0.5,0.6\n"))
    assert frame["column"].tolist() == ["Acc", "F1"] and unused == []


def test_the_first_column_names_rows_whatever_it_is_called(tmp_path):
    frame, unused = table.read(write(tmp_path, "acc,f1,accuracy\n0.1,0.5,0.6\n"))
    assert frame["row"].unique().tolist() == ["0.1"] and unused == []
    assert dict(zip(frame["column"], frame["printed"], strict=True)) == {"F1": "0.5", "Acc": "0.6"}


def test_percent_is_told_column_by_column(tmp_path):
    frame, _ = table.read(write(tmp_path, "model,acc,f1\na,93.3,0.84\nb,1.5,1\n"))
    assert frame["value"].tolist() == pytest.approx([0.933, 0.84, 0.015, 1])


def test_a_byte_order_mark_empty_lines_and_empty_cells_are_no_error(tmp_path):
    frame, _ = table.read(write(tmp_path, "\ufeffmodel,acc,f1\n\n a ,0.5,\n\n", "utf-8"))
    assert frame[["row", "column", "printed"]].values.tolist() == [["a", "Acc", "0.5"], ["a", "F1", ""]]
    assert frame["value"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "table.csv: empty; write a header and one row per model"),
        ("model,acc,f1\n", "table.csv: no rows under the header; write one row per model"),
        (
            "model,acc,f1\na,0.5,0.5\n\nb,0.5\n",
            "table.csv, line 4: 2 cells under a header of 3; make the numbers equal",
        ),
        ("model,acc\na,0.5\n", "table.csv, line 1: needs exactly one column for F1; name it one of: f1, f1score"),
        ("model,acc,f1\na,100.1,0.5\n", "table.csv, line 2: Acc is '100.1'; write a plain decimal between 0 and 100"),
        (
            "model,acc,f1\na,93.3,0.5\nb,0.84,0.5\n",
            "line 3: Acc is '0.84' in a column of percents; write the column in percent or as shares throughout",
        ),
        ("model,acc,f1\na,93.3,0.5\nb,1,0.5\n", "line 3: Acc is '1' in a column of percents"),
        ("model,acc,f1\na,1,0.5\n", "line 2: Acc is '1', without decimals, as is its column; write the decimals"),
        ("model;acc;f1\na;0,93;0,5\n", "line 2: Acc is '0,93'; write a plain decimal"),
        ("model,acc,f1\n\na,0.5,0.5\na,0.6,0.6\n", "line 4: the name 'a' stands there a second time; give every row"),
    ],
)
def test_what_is_malformed_is_named_with_its_line(tmp_path, text, said):
    with pytest.raises(InputError) as e:
        table.read(write(tmp_path, text))
    assert said in str(e.value) and "\n" not in str(e.value)
