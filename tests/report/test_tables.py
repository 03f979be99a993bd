"""Result tables: what a cell carries, how it reads, and that the same table is the same bytes."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from predictions import CFG, made_up
from result_tables import COLUMNS, printed, table

from ddet.errors import InputError
from ddet.report import tables
from ddet.report.tables import Column
from ddet.stats import bootstrap, pooling


def pooled(metric: str) -> bootstrap.Estimate:
    """Return what the row of Base holds: its own estimate, with the noise of seeds of both rows."""
    rows = [[made_up(1), made_up(2)], [made_up(3), made_up(4)]]
    return pooling.alike([bootstrap.over_seeds(seeds, CFG)[metric] for seeds in rows])[1]


def test_rows_stand_in_the_papers_order_and_further_arms_follow():
    assert list(table().rows) == ["Xception", "Base model", "Ours"]


def test_tidy_carries_all_that_stands_behind_a_number():
    facts = table().tidy().set_index(["row", "column"])
    assert len(facts) == 6
    ours, cell = pooled("frame_accuracy"), facts.loc[("Base model", "Acc")]
    assert (cell.ours, cell.low, cell.high, cell.spread) == (ours.value, ours.low, ours.high, ours.spread)
    assert (cell.people, cell.seed_sd, cell.seed_df, cell.pooled) == (ours.people, ours.seed_sd, ours.seed_df, True)
    assert cell.paper == 0.9333
    assert cell.difference == pytest.approx(ours.value - 0.9333)
    assert (cell.frames, cell.clips, cell.groups, cell.seeds, cell["keys"]) == (89, 36, 12, 2, "k3 k4")
    assert facts.loc[("Xception", "AUC"), ["ours", "frames", "keys"]].tolist()[2] == ""
    assert facts.loc[("Xception", "AUC"), ["ours", "frames"]].isna().all()
    assert np.isnan(facts.loc[("Ours", "Acc"), "paper"])


def test_csv_reads_back_to_the_same_numbers(tmp_path):
    table().write(tmp_path, "t")
    back = pd.read_csv(tmp_path / "t.csv", keep_default_na=False, na_values={"ours": "", "paper": ""})
    np.testing.assert_array_equal(back["ours"], table().tidy()["ours"])
    assert back["keys"].tolist()[2:4] == ["k3 k4", "k3 k4"]
    assert back["frames"].tolist()[:3] == ["", "", "89"]


def test_markdown_reads_ours_interval_paper():
    text = table().markdown()
    acc, auc = pooled("frame_accuracy"), pooled("clip_auc")
    for e, printed_there in ((acc, "0.9333"), (auc, "0.977")):
        digits = 2 if (e.high - e.low) / 2 >= 0.1 else 3
        assert f"{e.value:.{digits}f} [{e.low:.{digits}f}, {e.high:.{digits}f}] / {printed_there}" in text
    assert "| Xception | – / 0.97 | – / 0.991 |" in text
    assert text.startswith("**Table 9 (synthetic benchmark, profile smoke)**\n")
    assert text.endswith("A note.\n")


def test_the_page_has_a_caption_and_what_stands_behind_each_row(tmp_path):
    page = table().write(tmp_path, "t")[2].read_text()
    assert "<caption>Table 9 (synthetic benchmark, profile smoke)</caption>" in page
    counts = "<td>2</td><td>89</td><td>36</td><td>12</td>"
    assert f'<th scope="row">Base model</th>{counts}<td class="text"><code>k3 k4</code></td>' in page
    assert "prefers-color-scheme: dark" in page
    assert not re.search(r"<script src|<link|src=|@import|url\(", page)


def test_text_is_escaped_in_every_format(tmp_path):
    paper = printed(("a<b|c", "Acc", "0.9"))
    written = table(published=paper, names={}, caption="x < y", columns=COLUMNS[:1]).write(tmp_path, "t")
    assert "a&lt;b\\|c" in written[1].read_text()
    assert "a&lt;b|c" in written[2].read_text() and "x &lt; y" in written[2].read_text()


def test_percentages_scale_ours():
    paper = printed(("Base model", "AUC", "97.70"))
    cell = table(published=paper, columns=[Column("AUC", "clip_auc", scale=100)]).rows["Base model"]["AUC"]
    share = bootstrap.over_seeds([made_up(3), made_up(4)], CFG)["clip_auc"].value
    assert cell.show("value") == tables.half_up(100 * share, cell.decimals)
    assert cell.difference == pytest.approx(100 * share - 97.7)


def test_a_column_that_the_paper_lacks_has_the_decimals_of_its_others():
    paper = printed(("Base model", "AUC", "97.70"))
    both = [Column("AUC", "clip_auc", scale=100), Column("ACC", "clip_accuracy", scale=100)]
    cells = table(published=paper, columns=both).rows["Base model"]
    assert cells["ACC"].digits == cells["AUC"].digits == 2 and cells["ACC"].paper == ""
    silent = table(published=paper.assign(digits=np.nan), columns=both).rows["Base model"]
    assert silent["ACC"].digits == silent["AUC"].digits == tables.DIGITS


def test_weak_intervals_are_marked_and_explained():
    weak = [made_up(s, groups=4).assign(label=lambda d: (d["group"] != "g00").astype(int)) for s in (0, 1)]
    text = table(preds={"Base": weak}, keys={"Base": ["k", "l"]}).markdown()
    assert "†‡ [" in text
    assert "† fewer than 10 source groups" in text and "‡ some resamples lacked a class" in text
    assert "†" not in table().markdown()


def test_a_single_seed_is_marked_and_has_an_interval_only_with_the_noise_of_others():
    alone = {"preds": {"Base": [made_up(3)]}, "keys": {"Base": ["k3"]}, "columns": COLUMNS[1:]}
    text = table(**alone).markdown()
    assert re.search(r"\| 0\.\d{3}¶ / 0\.977 \|", text) and "¶ one seed, and no rows to take" in text
    pairs = {f"arm {s}": [made_up(s), made_up(s + 1)] for s in (11, 13, 15)}
    keys = {arm: [f"{arm}1", f"{arm}2"] for arm in pairs}
    more = table(preds={"Base": [made_up(3)]} | pairs, keys={"Base": ["k3"]} | keys, columns=COLUMNS[1:])
    text = more.markdown()
    assert re.search(r"\| 0\.\d{2,3}§ \[\d\.\d{2,3}, \d\.\d{2,3}\] / 0\.977 \|", text)
    assert '<th scope="row">Base model<small>one seed</small></th>' in more.html()
    assert "§ one seed: the noise" in text and "Seeds: 2, but 1 in Base model." in text
    assert "Seeds:" not in table().markdown()


def test_a_difference_over_fewer_seeds_than_a_row_has_is_marked():
    gain = bootstrap.paired([made_up(1), made_up(2), made_up(3)], [made_up(4), made_up(5)], "clip_auc", CFG)
    shown = tables.set_beside({"gain": {"clip_auc": gain}}, {"gain": ["k1", "k2"]}, COLUMNS[1:], printed(), "c")
    assert "‖ [" in shown.markdown() and "‖ a difference over the seeds that both sides have" in shown.markdown()
    assert shown.tidy()["unmatched"].tolist() == [1]


def test_the_three_files_agree(tmp_path):
    shown = table()
    csv, md, html = shown.write(tmp_path, "t")
    facts = pd.read_csv(csv)
    lines = [line.strip("| ").split(" | ") for line in md.read_text().splitlines() if line.startswith("|")][2:]
    cells = re.findall(r"<td[^>]*>([^<]+)<small>([^<]*)</small>", html.read_text())
    texts = [(value, interval.strip()) for value, interval in cells if value != "–"]
    for fact in facts[facts["ours"].notna()].itertuples():
        digits = shown.rows[fact.row][fact.column].decimals
        value, low, high = (tables.half_up(number, digits) for number in (fact.ours, fact.low, fact.high))
        row = next(line for line in lines if line[0] == fact.row)
        assert row[1 + [c.title for c in COLUMNS].index(fact.column)].startswith(f"{value} [{low}, {high}] / ")
        assert (value, f"[{low}, {high}]") in texts


def test_the_arm_na_survives_pandas(tmp_path):
    paper = printed(("NA", "AUC", "0.9"), ("Base model", "AUC", "0.8"))
    written = table(published=paper, preds={}, keys={}, names={}, columns=COLUMNS[1:]).write(tmp_path, "t")
    assert pd.read_csv(written[0])["row"].tolist() == ["NA (row)", "Base model"]
    frame = tables.write_frame(pd.DataFrame({"arm": ["NA", "RF", None], "auc": [0.5, 0.6, 0.7]}), tmp_path, "f", "c")
    back = pd.read_csv(frame[0])["arm"]
    assert back.tolist()[:2] == ["NA (arm)", "RF"] and back.isna().tolist() == [False, False, True]


def test_same_table_same_bytes(tmp_path):
    first = [p.read_bytes() for p in table().write(tmp_path, "t")]
    assert first == [p.read_bytes() for p in table().write(tmp_path / "new", "t")]


def test_a_page_leads_back_to_the_notebook_whose_stage_writes_it(tmp_path, monkeypatch):
    stage = ["stages:", "  results:", "    cmd: python -m ddet.nbrun 23_herd_results", "    outs:"]
    stage += [f"      - reports/tables/{name}.html: {{cache: false}}" for name in ("t", "f")]
    (tmp_path / "dvc.yaml").write_text("\n".join(stage) + "\n")
    monkeypatch.setattr(tables.paths, "ROOT", tmp_path)
    back = 'Made and explained in <a href="../23_herd_results.html">23_herd_results</a></p>\n<h1 '
    for folder, leads in ((tmp_path / "reports/tables", True), (tmp_path / "elsewhere", False)):
        assert (back in table().write(folder, "t")[2].read_text()) == leads
        frame = tables.write_frame(pd.DataFrame({"n": [1]}), folder, "f", "c")
        assert (back in frame[2].read_text()) == leads
    other = table().write(tmp_path / "reports/tables", "other")[2].read_text()
    assert "Made and" not in other and 'rel="' not in other
    first, last = ((tmp_path / f"reports/tables/{name}.html").read_text() for name in "tf")
    assert '<a rel="next" href="f.html">f →</a>' in first and 'rel="prev"' not in first
    assert '<a rel="prev" href="t.html">← t</a>' in last and 'rel="next"' not in last
    assert '<li><a href="#table">c</a></li><li><a href="#files">' in last and 'id="files"' in last


def test_plain_frames(tmp_path):
    frame = pd.DataFrame({"split": ["train", "test"], "clips": [3, 4], "share": [0.0625, np.nan], "ok": [True, False]})
    paths = tables.write_frame(frame, tmp_path, "counts", "Counts", "Of clips")
    assert [p.name for p in paths] == ["counts.csv", "counts.md", "counts.html"]
    pd.testing.assert_frame_equal(pd.read_csv(paths[0]), frame)
    assert "| train | 3 | 0.063 | True |" in paths[1].read_text()
    small = tables.write_frame(pd.DataFrame({"moved": [2.1e-6, 0.0, -0.0004]}), tmp_path, "small", "c")[1].read_text()
    assert [line.strip("| ") for line in small.splitlines()[4:7]] == ["2.1e−06", "0", "−4.0e−04"]
    assert "| test | 4 | – | False |" in paths[1].read_text()
    assert '<td class="text">train</td><td>3</td>' in paths[2].read_text()
    assert 'class="frame"' in paths[2].read_text()


def test_pages_and_markdown_have_the_minus_sign_and_files_for_machines_the_hyphen(tmp_path):
    frame = pd.DataFrame({"moved": [-0.25], "as text": ["0.1 [-0.2, 0.3]"], "arm-2": ["b-3"]})
    csv, md, html = (p.read_text() for p in tables.write_frame(frame, tmp_path, "m", "c", "From -1 on."))
    assert "-0.25," in csv and "[-0.2, 0.3]" in csv and "−" not in csv
    for text in (md, html):
        assert "−0.25" in text and "[−0.2, 0.3]" in text and "From −1 on." in text and "arm-2" in text and "b-3" in text


def test_origin_names_the_data():
    assert tables.origin("paper", synthetic=False) == "real data, profile paper"


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [(0.125, 2, "0.13"), (0.97725, 4, "0.9773"), (-0.5, 0, "-1"), (2, 3, "2.000"), (float("nan"), 2, "–")],
)
def test_half_up(value, digits, shown):
    assert tables.half_up(value, digits) == shown


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_half_up_is_within_half_a_unit(value, digits):
    assert abs(float(tables.half_up(value, digits)) - value) <= 0.5 * 10**-digits * (1 + 1e-6)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"keys": {"Ours": ["k1"], "Base": ["k3", "k4"]}}, "Ours: 2 seeds but 1 run keys"),
        ({"names": {"Base": "Basis"}}, "Basis: the published table has no such row"),
        ({"columns": [Column("Acc", "accuracy")]}, "accuracy: no such metric"),
    ],
)
def test_bad_input_is_one_line(change, cause):
    with pytest.raises(InputError, match=cause):
        table(**change)


def test_a_column_of_words_shows_ours_beside_the_paper_s(tmp_path):
    paper = printed(("A", "AUG", "yes"), ("A", "Acc", "0.97"))
    words, columns = {"AUG": {"A": "<no>"}}, [Column("AUG", "AUG"), COLUMNS[0]]
    shown = tables.set_beside({}, {}, columns, paper, "c", words=words)
    assert "| &lt;no> / yes |" in shown.markdown() and "<td>&lt;no&gt;<small>paper yes</small></td>" in shown.html()
    assert shown.tidy()["word"].iloc[0] == "<no>" and "word" not in table().tidy()
