"""The results in the README: findings, then each paper's main table, short, between two markers."""

import pandas as pd
import pytest
from ledger_lines import EMPTY, TESTED, write_ledger
from ruamel.yaml import YAML

from ddet.errors import InputError
from ddet.report import readme

ROWS = [f"| row {i} | 0.5 [0.4, 0.6] / 0.9 |" for i in range(10)]
TABLE = "\n".join(["**Caption**", "", "|  | AUC |", "| --- | ---: |", "| theirs | – / 0.9 |", *ROWS, "", "A note.", ""])


def test_a_table_keeps_the_first_rows_that_are_ours():
    lines = readme.shortened(TABLE, "reports/tables/t.md").splitlines()
    assert [line for line in lines if line.startswith("| row")] == ROWS[:8]
    assert "| theirs | – / 0.9 |" not in lines and lines[:4] == TABLE.splitlines()[:4]
    assert lines[-2:] == ["A note.", "3 more rows, and every column: [the whole table](reports/tables/t.md)."]


def test_a_short_table_stays_whole():
    short = "\n".join(TABLE.splitlines()[:4] + ROWS[:2]) + "\n"
    assert readme.shortened(short, "x") == short


def test_columns_that_the_paper_lacks_are_left_to_the_whole_table():
    wide = ["|  | AUC | ours alone | word |", "| --- | ---: | ---: | ---: |"]
    rows = ["| a\\|b | 0.5 [0.4, 0.6] / 0.9 | 0.7 / – | × / ✓ |", "| c | 0.6 / – | 0.8 / – | – / – |"]
    found = readme.shortened("\n".join([*wide, *rows, ""]), "x").splitlines()
    assert found[0] == "|  | AUC | word |" and found[2] == "| a\\|b | 0.5 [0.4, 0.6] / 0.9 | × / ✓ |"
    assert found[3] == "| c | 0.6 / – | – / – |"


def test_findings_come_first_then_the_main_tables_in_the_order_of_the_notebooks(tmp_path):
    folder = tmp_path / "reports/tables"
    write_ledger(folder, TESTED, EMPTY)
    stages = {}
    for stage, names in (
        ("32_asrid", ["asrid_table2"]),
        ("23_herd", ["herd_table2", "herd_table1", "herd_masked_eyes"]),
    ):
        for name in names:
            (folder / f"{name}.md").write_text(TABLE.replace("Caption", name))
        outs = [{"path": f"reports/tables/{name}.md", "md5": "0", "size": 1} for name in names]
        stages[stage] = {
            "cmd": "x",
            "deps": [{"path": f"notebooks/{stage}.ipynb", "md5": "0", "size": 1}],
            "outs": outs,
        }
    YAML(typ="safe").dump({"schema": "2.0", "stages": stages}, tmp_path / "dvc.lock")
    text = readme.results_markdown(tmp_path)
    assert (
        text.startswith("* Herd: Of 1 claim 1 holds. Clearest: ") and "\n* ASRID: Of 1 claim 1 not tested.\n\n" in text
    )
    assert [line for line in text.splitlines() if line.startswith("**")] == ["**herd_table2**", "**asrid_table2**"]


def test_what_the_study_says_is_the_last_finding(tmp_path):
    write_ledger(tmp_path / "reports/tables", TESTED, EMPTY)
    before = readme.findings(tmp_path)
    kept = tmp_path / "data/measured/study_claims.csv"
    kept.parent.mkdir(parents=True)
    about = {"machine": "a CPU", "commit": "a1", "day": "2026-01-02", "fits": "5", "hours": "1.5"}
    told = pd.read_csv(tmp_path / "reports/tables/claims.csv", dtype=str).assign(**about)
    told.assign(runs=told["runs"] + " k3").to_csv(kept, index=False)
    *first, last, end = readme.findings(tmp_path)
    assert [*first, end] == before and first
    assert last.startswith("* In the study 1 of 1 tested are decided: 1 holds, 1 not tested. More seeds")


def test_the_rest_of_the_readme_is_kept(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(f"# x\n\n{readme.MARKERS[0]}\nold\n{readme.MARKERS[1]}\n\nrest\n")
    readme.update_readme(file, "\nnew\n")
    assert file.read_text() == f"# x\n\n{readme.MARKERS[0]}\nnew\n{readme.MARKERS[1]}\n\nrest\n"
    readme.update_readme(file, "\nnew\n")
    assert file.read_text() == f"# x\n\n{readme.MARKERS[0]}\nnew\n{readme.MARKERS[1]}\n\nrest\n"


@pytest.mark.parametrize(
    "text", ["", readme.MARKERS[0], "".join(reversed(readme.MARKERS)), "".join(readme.MARKERS) * 2]
)
def test_a_readme_without_its_markers_is_left_alone(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(InputError, match="markers"):
        readme.update_readme(tmp_path / "README.md", "new")
    assert (tmp_path / "README.md").read_text() == text
