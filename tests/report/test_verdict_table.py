"""The table of claims: whole without a script, sortable by hidden values, its script sound."""

import re
import shutil
import subprocess

import pytest
from ledger_lines import outcome, untested

from ddet.report import sorting, verdict_table

NAMES = {"herd": "Herd", "asrid": "ASRID"}
SHOWN = [
    outcome(),
    outcome(id="b", paper="asrid", verdict="undecided", effect=-0.5, low=-0.6, high=-0.4),
    untested(id="c"),
]


def test_every_claim_is_a_row_that_reads_without_a_script():
    html = verdict_table.verdict_table(SHOWN, NAMES)
    assert html.count("<tr data-paper=") == 3 and '<form id="filter" hidden>' in html
    row = re.search(r'<tr data-paper="herd" data-verdict="holds">.*', html)[0]
    for text in (
        '<a href="claims/herd-aug-f1.html">training without &lt;list&gt; is better</a>',
        *("Herd, 2.3, Table 2", ">holds<", "+12.6 [+8.0, +17.1] points", ">+8.21 points<", ">compatible<"),
        *("as needed: at least 0.9", ">consistent<", "<summary>2 runs</summary><code>k1 k2</code>"),
    ):
        assert text in row, text
    assert "hidden" not in html.split("<tbody>")[1].split("</tbody>")[0]
    assert html.count('<th scope="row">') == 3 and html.count('<th scope="col"') == len(verdict_table.HEADS)


def test_the_study_has_a_column_of_its_own_and_a_dash_where_it_says_nothing():
    against = {"effect": -0.2, "low": -0.3, "high": -0.1, "compared": "smaller"}
    study = [outcome(verdict="fails", **against), untested(id="c"), outcome(id="gone")]
    html = verdict_table.verdict_table(SHOWN, NAMES, study)
    heads = re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', html)
    assert heads == ["Claim", "Verdict", "Effect [interval]", "In the study", *verdict_table.HEADS[3:]]
    rows = re.findall(r"<tr data-paper=.*", html)
    cells = [re.findall(r"<td.*?</td>", row)[2] for row in rows]
    assert ">fails</span><small>−20 [−30, −10] points, smaller</small></td>" in cells[0] and 'data-v="1"' in cells[0]
    assert cells[1] == '<td class="text" data-v="5">–</td>'
    assert ">not tested</span></td>" in cells[2] and 'data-v="4"' in cells[2]
    assert [len(re.findall("<td", row)) for row in rows] == [len(heads) - 1] * 3
    assert "In the study" not in verdict_table.verdict_table(SHOWN, NAMES)


def test_values_to_sort_by():
    html = verdict_table.verdict_table(SHOWN, NAMES)
    assert re.findall(r'<td class="effect" data-v="([^"]*)">', html) == ["12.6138", "-50", ""]
    assert re.findall(r'data-v="(\d)"><span', html) == ["0", "2", "4"]


def test_only_what_occurs_can_be_chosen():
    html = verdict_table.verdict_table(SHOWN, NAMES)
    assert re.findall(r'<option value="([^"]*)">', html) == [
        "",
        "herd",
        "asrid",
        "",
        "holds",
        "undecided",
        "not tested",
    ]


def test_runs_are_counted_and_folded():
    assert verdict_table.runs(outcome(runs="")) == "none"
    assert "<summary>1 run</summary>" in verdict_table.runs(outcome(runs="k"))


def test_the_script_names_what_the_table_has():
    html = verdict_table.verdict_table(SHOWN, NAMES)
    for name in re.findall(r'getElementById\("([^"]+)"\)', verdict_table.FILTER):
        assert html.count(f'id="{name}"') == 1
    for name in set(re.findall(r"fields\.(\w+)", verdict_table.FILTER)):
        assert f'name="{name}"' in html


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_the_script_filters_and_sorts(tmp_path):
    """Run the script on stand-ins of the elements that it uses."""
    (tmp_path / "t.js").write_text(STAGE + sorting.SCRIPT + verdict_table.FILTER + PLAY)
    done = subprocess.run(["node", str(tmp_path / "t.js")], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        *("3 of 3 lines shown", "1 of 3 lines shown", "1 of 3 lines shown"),
        *("-50.0,12.6,", "ascending", "12.6,-50.0,", "descending"),
    ], done.stderr


STAGE = """
const node = extra => Object.assign({hidden: true, on: {}, attrs: {}, childNodes: [], append() {},
  addEventListener(e, f) { this.on[e] = f; }, getAttribute(a) { return this.attrs[a] ?? null; },
  setAttribute(a, v) { this.attrs[a] = v; }, removeAttribute(a) { delete this.attrs[a]; }}, extra);
const cell = (v, text) => ({dataset: v === null ? {} : {v}, textContent: text ?? String(v)});
const line = (paper, v, text) =>
  node({dataset: {paper, verdict: "holds"}, textContent: text, cells: [cell(null, text), cell(v)]});
const lines = [line("herd", "12.6", "flips"), line("asrid", "", "mix"), line("asrid", "-50.0", "Batch")];
const buttons = [], tops = [node({textContent: "Claim"}), node({textContent: "Effect"})];
let order = lines;
const body_ = {rows: lines, append(...r) { order = r; }};
const things = {"verdicts-table": {tBodies: [body_], tHead: {rows: [{cells: tops}]}},
  filter: node({elements: {words: {value: ""}, paper: {value: ""}, verdict: {value: ""}}}), shown: {}};
globalThis.document = {querySelectorAll: () => [things["verdicts-table"]], getElementById: id => things[id],
  createElement: () => { const b = node({}); buttons.push(b); return b; }};
"""
PLAY = """
const said = () => console.log(things.shown.textContent);
said();
fields.paper.value = "herd"; form.on.input(); said();
fields.paper.value = ""; fields.words.value = "BATCH"; form.on.input(); said();
for (const _ of [1, 2]) { buttons[1].on.click(); console.log(order.map(r => r.cells[1].dataset.v).join());
  console.log(tops[1].attrs["aria-sort"]); }
"""
