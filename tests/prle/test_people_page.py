"""The page that asks: whole, offline, silent on what a picture is; its script is run on stand-ins of its elements."""

import json
import re
import shutil
import subprocess

import pytest

from ddet.prle import people_page
from ddet.report.html import check_links

MADE = people_page.page({"000": b"one", "001": b"two", "002": b"three"})


def test_it_is_one_file_that_loads_nothing(tmp_path):
    (tmp_path / "index.html").write_text(MADE)
    check_links(tmp_path / "index.html", tmp_path)
    assert not re.search(r"<script src|<link|https?:|fetch|XMLHttp|sendBeacon", MADE)
    held = json.loads(re.search(r'id="pictures">(.*?)</script>', MADE, re.DOTALL)[1])
    assert sorted(held) == ["000", "001", "002"] and all(word not in MADE for word in ("alpha", "Deepfakes", "clip_id"))


def test_every_element_that_the_script_names_is_there_once():
    for name in set(re.findall(r'\bat\("(\w+)"\)', people_page.SCRIPT)):
        assert MADE.count(f'id="{name}"') == 1, name


STAGE = """
const store = {}, nodes = {}, keys = [];
const node = id => nodes[id] ??= {id, hidden: id !== "start", on: {}, textContent: "",
  addEventListener(e, f) { this.on[e] = f; }};
node("pictures").textContent = JSON.stringify({"000": "a", "001": "b", "002": "c"});
globalThis.document = {getElementById: node, addEventListener: (_, f) => keys.push(f)};
globalThis.localStorage = {getItem: k => store[k] ?? null, setItem: (k, v) => { store[k] = v; }};
"""
PLAY = """
const press = (key, more = {}) => keys[0]({key, preventDefault() {}, ...more});
press("f");
console.log(state.answers.length);
node("begin").on.click();
console.log(node("where").textContent);
press("F"); press("Backspace"); press("ArrowRight"); press("j", {repeat: true}); press("f", {ctrlKey: true});
console.log(node("where").textContent, JSON.parse(Object.values(store)[0]).answers.length);
node("fake").on.click(); node("real").on.click(); press("f");
console.log(node("end").hidden, node("ask").hidden);
const lines = node("text").value.trim().split("\\n").map(l => l.split(","));
console.log(lines[0].join(), lines.slice(1).map(l => l[3]).join(), lines.slice(1).map(l => l[2]).sort().join());
console.log(decodeURIComponent(node("save").href).endsWith(node("text").value));
const before = state.person;
node("again").on.click();
console.log(state.answers.length, before !== state.person);
"""


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
def test_answers_by_keys_and_buttons_are_kept_taken_back_and_saved(tmp_path):
    (tmp_path / "t.js").write_text(STAGE + people_page.SCRIPT + PLAY)
    done = subprocess.run(["node", str(tmp_path / "t.js")], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [
        *("0", "Face 1 of 3", "Face 2 of 3 1", "false true"),
        *("person,order,item,answer,ms real,fake,real 000,001,002", "true", "0 true"),
    ], done.stderr
