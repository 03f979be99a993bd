"""The transcription: counts and sums of the second, independent reading (data/published/README.md)."""

from decimal import Decimal

import pandas as pd
import pytest

from ddet import params, paths, published
from ddet.audit.statements import KINDS
from ddet.errors import InputError

# name: rows, cells, sum, sum of number x row, sum of number x column; computed from the second reading
SECOND_READING = {
    "herd_table1": (9, 27, "23.3636", "120.0583", "47.0372"),
    "herd_table2": (10, 30, "28.5989", "158.7025", "57.4160"),
    "asrid_table1": (3, 6, "1.7785", "3.3643", "3.0700"),
    "asrid_table2": (6, 24, "8.075", "24.596", "15.406"),
    "asrid_strength": (3, 12, "3.416", "7.148", "7.155"),
    "asrid_table3": (3, 12, "7.927", "15.895", "21.242"),
    "asrid_table4": (3, 12, "7.798", "15.587", "20.917"),
    "prle_table1": (3, 15, "252.22", "480.93", "761.32"),
    "prle_table2": (18, 162, "8769.62", "86015.91", "48297.83"),
    "prle_table3": (50, 300, "20590.31", "528360.90", "72129.95"),
    "prle_table4": (15, 75, "2840.75", "22598.79", "8344.98"),
    "prle_table5": (15, 75, "2919.27", "23096.89", "8640.41"),
    "prle_table6": (4, 21, "792.14", "1934.32", "2338.23"),
    "prle_table7": (4, 18, "789.48", "1926.17", "2316.59"),
    "prle_table8": (4, 16, "6882.55", "17159.79", "20059.91"),
}
LISTS = ("counts", "shares", "splits", "leakage", "statements", "orders", "same", "architectures", "claims")


def test_every_table_is_listed_and_every_listed_table_is_checked():
    assert set(published.TABLES) == set(SECOND_READING)


@pytest.mark.parametrize("name", published.TABLES)
def test_two_readings_agree(name):
    frame = published.load(name)
    rows, cells, *sums = SECOND_READING[name]
    assert (frame["row"].nunique(), len(frame)) == (rows, cells)
    numeric = frame[frame["value"].notna()]
    values = [Decimal(printed.strip("≈ ").rstrip("M")) for printed in numeric["printed"]]
    weights = ([1] * len(values), numeric["row_order"], numeric["column_order"])
    assert [sum(v * w for v, w in zip(values, by, strict=True)) for by in weights] == [Decimal(s) for s in sums]


@pytest.mark.parametrize("name", published.TABLES)
def test_digits_and_places_are_those_of_the_cells(name):
    frame = published.load(name)
    assert list(frame["digits"]) == [published.digits(printed) for printed in frame["printed"]]
    assert not frame.duplicated(["row", "column"]).any()
    assert (frame.groupby("row")["row_order"].nunique() == 1).all()
    assert sorted(frame["row_order"].unique()) == list(range(1, frame["row"].nunique() + 1))


@pytest.mark.parametrize(
    ("printed", "number", "digits"),
    [("0.978", 0.978, 3), ("20.81M", 20.81, 2), ("≈ 0.2", 0.2, 1), ("-2.82", -2.82, 2), ("1", 1.0, 0)],
)
def test_printed_cells_are_read(printed, number, digits):
    assert (published.number(printed), published.digits(printed)) == (number, digits)


@pytest.mark.parametrize("printed", ["Medium", "~", "", "✓", "1.2.3"])
def test_words_are_no_numbers(printed):
    assert pd.isna(published.number(printed))
    assert published.digits(printed) == -1


def test_value_and_wide_give_the_cell():
    assert published.value("herd_table2", "WL + NA", "Acc") == 0.978
    wide = published.wide("herd_table2")
    assert list(wide.columns) == ["Acc", "F1", "AUC"]
    assert wide.index[0] == "Base model"
    assert pd.isna(published.value("prle_table4", "VGG + Primary Region", "DFDC difference"))


def test_unknown_names_say_what_there_is():
    with pytest.raises(InputError, match="choose one of herd_table1"):
        published.load("herd_table9")
    with pytest.raises(InputError, match="no row 'RF'; choose one of Base model"):
        published.value("herd_table2", "RF", "F1")
    with pytest.raises(InputError, match="no such list"):
        published.facts("rumours")
    with pytest.raises(InputError, match=r"no count 'herd\.test\.cats'"):
        published.count("herd.test.real + herd.test.cats")


def test_a_caller_cannot_change_the_loaded_table():
    frame = published.load("herd_table1")
    frame.loc[0, "printed"] = "1"
    assert published.load("herd_table1").loc[0, "printed"] == "0.9200"


def test_a_table_with_another_header_is_refused(tmp_path, monkeypatch):
    (tmp_path / "odd.csv").write_text("row,column\na,b\n")
    monkeypatch.setattr(published.paths, "PUBLISHED", tmp_path)
    with pytest.raises(InputError, match=r"odd\.csv: its columns are \['row', 'column'\]"):
        published.load("odd")


def test_counts_add_up():
    assert published.count("herd.test.real + herd.test.fake") == 14958
    for split in ("train", "val", "test"):
        of = f"asrid.clips.{split}"
        assert published.count(f"{of}.real + {of}.fake") == published.count(of)
    assert published.count("ffpp.fake") == published.count("ffpp.methods") * published.count("ffpp.real")


def test_percent_becomes_shares_without_rounding():
    frame = published.tidy({"a": {"ACC": "36.73", "AUC": "0.5"}, "b": {"ACC": "", "AUC": "1"}}, "s", "t")
    shares = published.as_shares(frame, ["ACC"]).set_index(["row", "column"])
    assert list(shares["printed"]) == ["0.3673", "0.5", "", "1"]
    assert list(shares["digits"]) == [4, 1, -1, 0]


@pytest.mark.parametrize("name", LISTS)
def test_lists_have_unique_ids(name):
    frame = published.facts(name)
    assert len(frame) and frame["id"].is_unique
    assert not frame.apply(lambda column: column.str.strip() != column).any(axis=None)


def test_lists_name_existing_cells_and_counts():
    for name in ("shares", "splits", "leakage"):
        for operands in published.facts(name)["operands"]:
            assert all(published.count(part) > 0 for part in operands.split(";") if part.strip())
    for line in published.facts("statements").to_dict("records"):
        table = published.load(line["table"])
        assert line["kind"] in KINDS and line["relation"] in ("=", "~", "<", ">")
        assert set(line["column"].split("; ")) <= set(table["column"])
    for line in published.facts("orders").to_dict("records"):
        rows = set(published.load(line["table"])["row"])
        assert {*line["better"].split("; "), *line["worse"].split("; ")} <= rows


@pytest.mark.parametrize("file", ["params.yaml", "profiles/smoke.yaml", "profiles/paper.yaml"])
def test_herds_arms_are_the_rows_of_its_tables(file):
    arms = params.load(paths.ROOT / file).herd.arms.values()
    for table in ("table1", "table2"):
        named = [arm.rows[table] for arm in arms if table in arm.rows]
        assert len(named) == len(set(named)), "two arms for one row"
        assert set(published.wide(f"herd_{table}").index) == set(named)


@pytest.mark.parametrize("file", ["params.yaml", "profiles/smoke.yaml", "profiles/paper.yaml"])
def test_prles_detectors_are_the_rows_of_table_2(file):
    section = params.load(paths.ROOT / file).prle
    rows = [*section.compared.detectors, *section.detectors, *(f"{d} + PRLE" for d in section.detectors)]
    assert rows == list(dict.fromkeys(published.load("prle_table2")["row"]))


def test_the_networks_that_the_papers_compare_with_can_be_built_and_are_rows_of_their_tables():
    found = published.facts("networks")
    assert found["row"].is_unique and set(found["network"]) <= set(params.NETWORKS)
    assert (found[["size", "parameters"]].astype(int) > 0).all(axis=None)
    named = set(published.load("prle_table2")["row"]) | set(published.load("herd_table1")["row"])
    assert set(found["row"]) - named == {"MesoInception4", "Capsule, version 2"}


def test_nine_deviations_are_told_with_the_file_that_shows_them():
    found = published.facts("deepfakebench")
    assert (
        len(found) == 9 and found["detector"].is_unique and found["where"].str.fullmatch(r"training/\w+/\w+\.py").all()
    )
