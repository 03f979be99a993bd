"""All pages together: what the index shows, that links hold and stay inside, that the bytes are the same twice."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import matplotlib as mpl
import nbformat
import pandas as pd
import pytest
from ledger_lines import EMPTY, TESTED, write_ledger
from matplotlib import pyplot as plt
from nbformat import v4
from result_tables import table
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.errors import InputError
from ddet.report import commit, figures, page, readme, tables
from ddet.report.dvc_lock import md5_of

mpl.use("Agg")
NAME = "20_herd_augmentation"
TABLES = ("counts", "asrid_table2", "claims")


@pytest.fixture(scope="module")
def cfg() -> params.Params:
    return params.load()


@pytest.fixture
def root(tmp_path) -> Path:
    """Lay out a small finished repository: one notebook with a table, a figure, code, a ledger, and dvc.lock."""
    for folder in ("notebooks", "ddet/herd", "reports/tables", "reports/figures", "data/results"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ddet/herd/rows.py").write_text('judge("herd-aug-f1")')
    nbformat.write(notebook(), tmp_path / f"notebooks/{NAME}.ipynb")
    nbformat.write(notebook(), tmp_path / f"reports/{NAME}.ipynb")
    table().write(tmp_path / "reports/tables", "asrid_table2")
    tables.write_frame(pd.DataFrame({"n": [1]}), tmp_path / "reports/tables", "counts", "Counts <a>")
    tables.write_frame(pd.DataFrame({"n": [1]}), tmp_path / "reports/tables", "claims", "Claims")
    write_ledger(tmp_path / "reports/tables", TESTED, EMPTY)
    pd.DataFrame({"claim_id": ["herd-aug-f1"]}).to_csv(tmp_path / "data/results/claims_herd.csv")
    figures.save(plt.subplots()[0], "curves", tmp_path / "reports/figures")
    shutil.copy(paths.ROOT / "params.yaml", tmp_path)
    plt.close("all")
    names = [f"reports/tables/{t}.{kind}" for t in TABLES for kind in ("csv", "md", "html")]
    write_lock(tmp_path, [f"reports/{NAME}.ipynb", *names, *(f"reports/figures/curves.{k}" for k in ("png", "svg"))])
    return tmp_path


def notebook() -> nbformat.NotebookNode:
    cells = [
        v4.new_markdown_cell("# Is augmentation <harmful>?\n\n**Question.** Is it?\n\n[code](../ddet/x.py).", id="a")
    ]
    return v4.new_notebook(cells=[*cells, v4.new_markdown_cell("## Set-up", id="b")])


def write_lock(root: Path, outs: list[str]) -> None:
    def entries(paths):
        return [{"path": p, "hash": "md5", "md5": f"{i:032x}", "size": 10 + i} for i, p in enumerate(paths)]

    read = (f"notebooks/{NAME}.ipynb", "ddet/herd/rows.py")
    deps = [{"path": p, "hash": "md5", "md5": md5_of(root / p), "size": 10} for p in read]
    herd = {"cmd": "x", "deps": deps, "outs": entries([*outs, "data/results/claims_herd.csv"])}
    front = {"cmd": "y", "outs": entries(["reports/index.html", "reports/gone.html"])}
    YAML(typ="safe").dump({"schema": "2.0", "stages": {"front": front, "herd_augmentation": herd}}, root / "dvc.lock")


def built(root: Path, cfg) -> str:
    page.build(cfg, root)
    return (root / "reports/index.html").read_text()


def pages(root: Path) -> dict[str, str]:
    return {p.relative_to(root / "reports").as_posix(): p.read_text() for p in (root / "reports").rglob("*.html")}


def test_the_index_has_its_parts_in_order(root, cfg):
    text = built(root, cfg)
    shown = [
        *(
            "Three deepfake-detection papers",
            "not evidence about real deepfakes",
            "What was replicated",
            "arXiv 2410.05466",
        ),
        *("1 decided of 1 tested", "What came of their claims", "What may be trusted", "1 effect at a glance", "<svg"),
        *('<table id="verdicts-table">', f'<h3><a href="{NAME}.html">Is augmentation &lt;harmful&gt;?</a></h3>'),
        *("<p>Is it?</p>", "3 tables", '<a href="tables/counts.html">Counts &lt;a&gt;</a>', "1 figure"),
        *('<a href="figures/curves.svg">', 'id="asrid"', "provenance.html"),
    ]
    places = [text.index(part) for part in shown]
    assert places == sorted(places)
    assert text.count("<p>Not run yet.</p>") == 5
    assert "<td>1</td>" not in text, "tables have pages of their own"


def test_every_page_is_well_formed_for_screen_readers(root, cfg):
    page.build(cfg, root)
    assert len(pages(root)) == 8
    for name, text in pages(root).items():
        seen = Outline()
        seen.feed(text)
        assert seen.levels[0] == 1 and seen.levels.count(1) == 1, name
        assert all(b <= a + 1 for a, b in zip(seen.levels, seen.levels[1:], strict=False)), (name, seen.levels)
        assert seen.unscoped == 0 and seen.silent == 0 and seen.tables == seen.in_scroller, name
        assert seen.ids == sorted(set(seen.ids)) and seen.landmarks == ["header", "main", "nav"], name
        assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text


class Outline(HTMLParser):
    """Collect headings, headers without a scope, pictures without words, unscrolled tables, ids and landmarks."""

    def __init__(self):
        super().__init__()
        self.levels, self.unscoped, self.silent, self.tables, self.in_scroller = [], 0, 0, 0, 0
        self.found, self.places, self.open = [], set(), []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.levels += [int(tag[1])] if tag in ("h1", "h2", "h3", "h4") else []
        self.unscoped += tag == "th" and "scope" not in attrs
        self.silent += tag == "img" and not attrs.get("alt")
        self.tables += tag == "table"
        self.in_scroller += tag == "table" and "scroll" in self.open
        self.found += [attrs["id"]] if "id" in attrs else []
        self.places |= {tag} & {"header", "main", "nav"}
        self.open += [attrs.get("class", "")] if tag == "div" else []

    def handle_endtag(self, tag):
        self.open = self.open[:-1] if tag == "div" else self.open

    @property
    def ids(self):
        return sorted(self.found)

    @property
    def landmarks(self):
        return sorted(self.places)


def test_pages_say_what_the_data_are(root, cfg):
    page.build(cfg, root)
    real = cfg.model_copy(update={"profile": "paper", "benchmark": cfg.benchmark.model_copy(update={"render": False})})
    assert f"Synthetic benchmark, profile {cfg.profile}" in pages(root)["index.html"]
    assert "not evidence about real deepfakes" in pages(root)["claims/herd-aug-f1.html"]
    text = built(root, real)
    assert "Real data, profile paper" in text and "not evidence" not in text


def test_same_reports_same_bytes(root, cfg):
    page.build(cfg, root)
    first = pages(root)
    page.build(cfg, root)
    assert first == pages(root)


def test_a_claim_and_its_notebook_lead_to_each_other(root, cfg):
    page.build(cfg, root)
    claim, other = pages(root)["claims/herd-aug-f1.html"], pages(root)["claims/asrid-batch.html"]
    assert f'<a href="../{NAME}.html">' in claim and "ddet/herd/rows.py" in claim
    assert '<a href="claims/herd-aug-f1.html">' in pages(root)[f"{NAME}.html"]
    assert 'rel="next" href="asrid-batch.html"' in claim and 'rel="prev" href="herd-aug-f1.html"' in other


def test_pages_link_to_nothing_outside_of_the_folder_but_the_papers(root, cfg):
    page.build(cfg, root)
    for name, text in pages(root).items():
        outside = set(re.findall(r'href="(https?://[^"]+)" rel="external"', text))
        assert set(re.findall(r'href="(https?://[^"]+)"', text)) == outside, name
        assert not re.search(r"<script src|<link|@import|url\(", text), name


def test_index_and_claims_name_the_commit_or_that_there_is_none(root, cfg, monkeypatch):
    assert f"<dt>Commit</dt><dd>{commit.UNKNOWN}</dd>" in built(root, cfg)
    asked = []
    monkeypatch.setattr(commit, "told", lambda root: asked.append(root) or "a1 of 2024-05-02")
    assert "<dt>Commit</dt><dd>a1 of 2024-05-02</dd>" in built(root, cfg) and asked == [root]
    assert "<dt>Commit</dt><dd>a1 of 2024-05-02</dd>" in pages(root)["claims/herd-aug-f1.html"]


def test_stages_that_were_not_run_again_are_not_of_that_commit(root, cfg, monkeypatch):
    monkeypatch.setattr(commit, "told", lambda root: "a1 of 2024-05-02")
    (root / "ddet/herd/rows.py").write_text('judge("herd-aug-f1")  # and more')
    said = "a1 of 2024-05-02; of an earlier one, since they were not run again: herd_augmentation"
    assert f"<dt>Commit</dt><dd>{said}</dd>" in built(root, cfg)
    assert f"<dt>Commit</dt><dd>{said}</dd>" in pages(root)["claims/herd-aug-f1.html"]


def test_orphans_are_listed_and_returned(root, cfg):
    (root / "reports/figures/old.png").write_text("")
    (root / "reports/.gitignore").write_text("")
    assert page.build(cfg, root) == ["reports/figures/old.png"]
    assert '<li><a href="figures/old.png">reports/figures/old.png</a></li>' in pages(root)["provenance.html"]
    (root / "reports/figures/old.png").unlink()
    assert page.build(cfg, root) == []
    assert "Orphans" not in pages(root)["provenance.html"] and f"{1:032x}" in pages(root)["provenance.html"]


def test_a_page_of_a_claim_that_is_gone_is_an_orphan(root, cfg):
    page.build(cfg, root)
    write_ledger(root / "reports/tables", TESTED)
    assert page.build(cfg, root) == ["reports/claims/asrid-batch.html"]


def test_a_folder_of_reports_is_opened(root, cfg):
    write_lock(root, [f"reports/{NAME}.ipynb", "reports/figures", "reports/tables"])
    assert page.build(cfg, root) == []


def test_without_a_ledger_the_index_says_so(root, cfg):
    for kind in ("csv", "md", "html"):
        (root / f"reports/tables/claims.{kind}").unlink()
    write_lock(root, [f"reports/{NAME}.ipynb", "reports/figures", "reports/tables"])
    assert "No claim has been tested yet" in built(root, cfg)


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda r: (r / "dvc.lock").unlink(), "dvc.lock: not there"),
        (lambda r: (r / "reports/tables/counts.md").unlink(), "reports/tables/counts.md: recorded in dvc.lock"),
        (lambda r: (r / "reports/tables/counts.html").write_text('<a href="gone.csv">x</a>'), "link to gone.csv"),
        (lambda r: (r / "reports/tables/counts.html").write_text('<a href="../../dvc.lock">x</a>'), "outside reports/"),
        (lambda r: (r / "reports/tables/counts.html").write_text('<a href="../index.html#x">x</a>'), "no such anchor"),
    ],
)
def test_what_is_missing_is_one_line(root, cfg, spoil, cause):
    spoil(root)
    with pytest.raises(InputError, match=re.escape(cause)):
        built(root, cfg)


def test_the_command_reports_bad_input_in_one_line(monkeypatch, capsys):
    def bad():
        raise InputError("params.yaml", "bad", "mend it")

    monkeypatch.setattr(page.params, "load", bad)
    assert page.main([]) == 2
    assert capsys.readouterr().err == "params.yaml: bad; mend it\n"


def test_a_full_disk_is_one_line(monkeypatch, capsys):
    def full(_):
        raise OSError(28, "No space left on device", "reports/index.html")

    monkeypatch.setattr(page.params, "load", lambda: None)
    monkeypatch.setattr(page, "build", full)
    assert page.main([]) == 2
    said = "reports/index.html: cannot be written (No space left on device); free the place, then rerun\n"
    assert capsys.readouterr().err == said


def test_the_command_updates_the_readme_only_when_asked(tmp_path, monkeypatch, capsys):
    file = tmp_path / "README.md"
    file.write_text(f"# x\n\n{readme.MARKERS[0]}\nold\n{readme.MARKERS[1]}\n")
    monkeypatch.setattr(page.params, "load", lambda: None)
    monkeypatch.setattr(page, "build", lambda *_: ["reports/old.png"])
    monkeypatch.setattr(page, "results_markdown", lambda _: "new")
    monkeypatch.setattr(page.paths, "ROOT", tmp_path)
    assert page.main([]) == 0 and "\nold\n" in file.read_text()
    assert capsys.readouterr().err == "no stage wrote reports/old.png\n"
    assert page.main(["--readme"]) == 0 and "\nnew\n" in file.read_text()
