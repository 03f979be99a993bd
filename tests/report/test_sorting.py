"""The script that sorts tables, run on stand-ins of the elements that it uses."""

import shutil
import subprocess

import pytest

from ddet.report import sorting

STAGE = """
const node = extra => Object.assign({on: {}, attrs: {}, childNodes: [], append() {},
  addEventListener(e, f) { this.on[e] = f; }, getAttribute(a) { return this.attrs[a] ?? null; },
  setAttribute(a, v) { this.attrs[a] = v; }, removeAttribute(a) { delete this.attrs[a]; }}, extra);
const line = (...texts) => ({cells: texts.map(t => ({dataset: {}, textContent: t}))});
const made = (...rows) => { const table = {order: rows, heads: [node({textContent: "Row"}), node({textContent: " "})]};
  return Object.assign(table, {tHead: {rows: [{cells: table.heads}]},
    tBodies: [{rows, append(...r) { table.order = r; }}]}); };
const several = made(line("–", "1"), line("b10", "2"), line("−2", "3"), line("−10", "4"), line("1", "5"));
const buttons = [], one = made(line("a"));
globalThis.document = {querySelectorAll: () => [several, one, {tHead: null, tBodies: []}],
  createElement: () => { const b = node({}); buttons.push(b); return b; }};
"""
PLAY = """
console.log(buttons.length);
for (const _ of [1, 2]) { buttons[0].on.click(); console.log(several.order.map(r => r.cells[0].textContent).join()); }
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_numbers_sort_as_numbers_and_what_is_empty_stays_below(tmp_path):
    """A table of one row, one without a head and a header without words get no button."""
    (tmp_path / "t.js").write_text(STAGE + sorting.SCRIPT + PLAY)
    done = subprocess.run(["node", str(tmp_path / "t.js")], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["1", "−10,−2,1,b10,–", "b10,1,−2,−10,–"], done.stderr
