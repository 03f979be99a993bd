"""The front page: what it shows, that its links hold, that it needs no network, that it is the same bytes twice."""

import base64
import re
from pathlib import Path
from types import SimpleNamespace

import matplotlib as mpl
import nbformat
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from nbformat import v4
from result_tables import table
from ruamel.yaml import YAML

from ddet.errors import InputError
from ddet.report import figures, page, tables

mpl.use("Agg")
NAME = "20_herd_augmentation"


@pytest.fixture
def root(tmp_path) -> Path:
    """Lay out a small finished repository: one notebook with a table, a figure, code, and dvc.lock."""
    for folder in ("notebooks", "ddet/stats", "reports/tables", "reports/figures"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "ddet/stats/metrics.py").write_text("")
    nbformat.write(notebook(), tmp_path / f"notebooks/{NAME}.ipynb")
    nbformat.write(notebook(), tmp_path / f"reports/{NAME}.ipynb")
    table().write(tmp_path / "reports/tables", "asrid_table2")
    tables.write_frame(pd.DataFrame({"n": [1]}), tmp_path / "reports/tables", "counts", "Counts")
    figures.save(plt.subplots()[0], "curves", tmp_path / "reports/figures")
    plt.close("all")
    (tmp_path / "README.md").write_text(f"# x\n\n{page.MARKERS[0]}\nold\n{page.MARKERS[1]}\n\nrest\n")
    names = [f"tables/{t}.{kind}" for t in ("counts", "asrid_table2") for kind in ("csv", "md", "html")]
    write_lock(
        tmp_path, [f"reports/{n}" for n in (f"{NAME}.ipynb", *names, "figures/curves.png", "figures/curves.svg")]
    )
    return tmp_path


def notebook() -> nbformat.NotebookNode:
    png = base64.b64encode(b"\x89PNG").decode()
    outputs = [
        v4.new_output("stream", name="stdout", text="<seen>\n"),
        v4.new_output("display_data", data={"image/png": png}),
        v4.new_output("execute_result", data={"text/html": "<table><tr><td>7</td></tr></table>"}, execution_count=1),
    ]
    cells = [
        v4.new_markdown_cell("# Is augmentation <harmful>?\n\nSee [the code](../ddet/stats/metrics.py).", id="a"),
        v4.new_code_cell("answer = 6 * 7", outputs=outputs, execution_count=1, id="b"),
    ]
    return v4.new_notebook(cells=cells)


def write_lock(root: Path, outs: list[str], deps: tuple[str, ...] = ("ddet/stats/metrics.py",)) -> None:
    def entries(paths):
        return [{"path": p, "hash": "md5", "md5": f"{i:032x}", "size": 10 + i} for i, p in enumerate(paths)]

    herd = {"cmd": "x", "deps": entries([f"notebooks/{NAME}.ipynb", *deps]), "outs": entries(outs)}
    front = {"cmd": "y", "outs": entries(["reports/index.html"])}
    YAML(typ="safe").dump({"schema": "2.0", "stages": {"front": front, "herd_augmentation": herd}}, root / "dvc.lock")


def built(root: Path) -> str:
    page.build("smoke", True, root)
    return (root / "reports/index.html").read_text()


def test_the_index_links_tables_figures_notebooks_and_code(root):
    text = built(root)
    for target in (
        *("tables/asrid_table2.csv", "tables/asrid_table2.html", "tables/counts.html", "figures/curves.png"),
        *(
            "figures/curves.svg",
            f"{NAME}.html",
            f"{NAME}.ipynb",
            f"../notebooks/{NAME}.ipynb",
            "../ddet/stats/metrics.py",
        ),
    ):
        assert f'<a href="{target}"' in text, target
    assert "<h2>Is augmentation &lt;harmful&gt;?</h2>" in text
    assert '<img src="figures/curves.png"' in text
    assert f"{1:032x}" in text and ">front<" not in text


def test_results_tables_are_embedded_and_plain_ones_only_linked(root):
    text = built(root)
    assert text.count('<section class="results">') == 1 and '<section class="frame">' not in text
    assert table().html() in text


def test_the_index_says_what_the_data_are(root):
    assert "synthetic benchmark, profile smoke" in built(root)
    assert "not evidence about real deepfakes" in built(root)
    page.build("paper", False, root)
    text = (root / "reports/index.html").read_text()
    assert "real data, profile paper" in text and "not evidence" not in text


def test_same_reports_same_bytes(root):
    first = built(root), (root / f"reports/{NAME}.html").read_bytes()
    assert first == (built(root), (root / f"reports/{NAME}.html").read_bytes())


def test_a_rendered_notebook_needs_no_network(root):
    text = page.render_notebook(root / f"reports/{NAME}.ipynb")
    assert "&lt;seen&gt;" in text and "<td>7</td>" in text and "data:image/png;base64,iVBORw==" in text
    assert "<title>Is augmentation &lt;harmful&gt;?</title>" in text
    light, dark = text.split("prefers-color-scheme: dark")[1:]  # the page's own colours come before both
    assert re.search(r'<span class="mi">6</span>', text) and ".highlight .mi" in light and ".highlight .mi" in dark
    assert not re.search(r"<script|<link|@import|https?://", text)


def test_orphans_are_listed_and_returned(root):
    (root / "reports/figures/old.png").write_text("")
    (root / "reports/.gitignore").write_text("")
    assert page.build("smoke", True, root) == ["reports/figures/old.png"]
    assert '<li><a href="figures/old.png">reports/figures/old.png</a></li>' in (root / "reports/index.html").read_text()
    (root / "reports/figures/old.png").unlink()
    assert page.build("smoke", True, root) == []
    assert "Orphans" not in (root / "reports/index.html").read_text()


def test_a_folder_of_reports_is_opened(root):
    (root / "reports/figures/curves.svg").unlink()
    write_lock(root, [f"reports/{NAME}.ipynb", "reports/figures", "reports/tables"])
    assert page.build("smoke", True, root) == []


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda r: (r / "dvc.lock").unlink(), "dvc.lock: not there"),
        (lambda r: (r / "reports/tables/counts.md").unlink(), "reports/tables/counts.md: recorded in dvc.lock"),
        (lambda r: (r / "ddet/stats/metrics.py").unlink(), "link to ../ddet/stats/metrics.py"),
        (lambda r: (r / f"notebooks/{NAME}.ipynb").unlink(), f"link to ../notebooks/{NAME}.ipynb"),
    ],
)
def test_what_is_missing_is_one_line(root, spoil, cause):
    spoil(root)
    with pytest.raises(InputError, match=re.escape(cause)):
        built(root)


def test_readme_gets_the_main_tables_and_keeps_the_rest(root):
    table(caption="One of ours").write(root / "reports/tables", "herd_masked_eyes")
    names = [f"tables/{name}.{kind}" for name in ("herd_masked_eyes", "asrid_table2") for kind in ("csv", "md", "html")]
    write_lock(root, [f"reports/{name}" for name in (f"{NAME}.ipynb", *names)])
    readme = root / "README.md"
    page.update_readme(readme, page.results_markdown(root))
    once = readme.read_text()
    assert once == f"# x\n\n{page.MARKERS[0]}\n{table().markdown().strip()}\n{page.MARKERS[1]}\n\nrest\n"
    page.update_readme(readme, page.results_markdown(root))
    assert readme.read_text() == once


def test_results_stand_in_the_order_of_the_notebooks_and_link_to_their_own(root):
    later = "23_herd_results"
    for folder in ("notebooks", "reports"):
        nbformat.write(notebook(), root / f"{folder}/{later}.ipynb")
    for name in ("herd_table1", "herd_table2"):
        table(caption=f"Caption of {name}").write(root / "reports/tables", name)
    write_lock(root, [f"reports/{NAME}.ipynb", *(f"reports/tables/asrid_table2.{kind}" for kind in ("html", "md"))])
    lock = YAML(typ="safe").load((root / "dvc.lock").read_text())
    outs = [
        f"reports/{later}.ipynb",
        *(f"reports/tables/herd_table{i}.{kind}" for i in (2, 1) for kind in ("html", "md")),
    ]
    entries = [{"path": path, "md5": "0", "size": 1} for path in outs]
    dep = {"path": f"notebooks/{later}.ipynb", "md5": "0", "size": 1}
    stages = {"a_later_stage": {"cmd": "z", "deps": [dep], "outs": entries}, **lock["stages"]}
    YAML(typ="safe").dump({"schema": "2.0", "stages": stages}, root / "dvc.lock")
    captions = re.findall(r"^\*\*(.*)\*\*$", page.results_markdown(root), re.M)
    assert captions == [table().caption, "Caption of herd_table1", "Caption of herd_table2"]
    shown = [
        built(root).index(text)
        for text in (f"{NAME}.html", "<caption>Table 9", f"{later}.html", "Caption of herd_table1")
    ]
    assert shown == sorted(shown)


@pytest.mark.parametrize("text", ["", page.MARKERS[0], "".join(reversed(page.MARKERS)), "".join(page.MARKERS) * 2])
def test_a_readme_without_its_markers_is_left_alone(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    with pytest.raises(InputError, match="markers"):
        page.update_readme(tmp_path / "README.md", "new")
    assert (tmp_path / "README.md").read_text() == text


def test_the_command_reports_bad_input_in_one_line(monkeypatch, capsys):
    def bad():
        raise InputError("params.yaml", "bad", "mend it")

    monkeypatch.setattr(page.params, "load", bad)
    assert page.main([]) == 2
    assert capsys.readouterr().err == "params.yaml: bad; mend it\n"


def test_the_command_updates_the_readme_only_when_asked(root, monkeypatch, capsys):
    cfg = SimpleNamespace(profile="smoke", benchmark=SimpleNamespace(render=True))
    monkeypatch.setattr(page.params, "load", lambda: cfg)
    monkeypatch.setattr(page, "build", lambda *_: ["reports/old.png"])
    monkeypatch.setattr(page, "results_markdown", lambda: "new")
    monkeypatch.setattr(page.paths, "ROOT", root)
    before = (root / "README.md").read_text()
    assert page.main([]) == 0 and (root / "README.md").read_text() == before
    assert capsys.readouterr().err == "no stage wrote reports/old.png\n"
    assert page.main(["--readme"]) == 0 and "\nnew\n" in (root / "README.md").read_text()


def test_the_ledger_of_claims_is_the_first_table(root):
    ledger = pd.DataFrame({"id": ["herd-aug-f1"], "verdict": ["undecided"]})
    tables.write_frame(ledger, root / "reports" / "tables", "claims", "Claims")
    text = built(root)
    assert "herd-aug-f1" in text.split("<section", 2)[1]
