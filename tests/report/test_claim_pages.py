"""A page per claim: both numbers, the premise, where it is tested, and its neighbours."""

import re
from pathlib import Path

import pandas as pd
import pytest
from ledger_lines import outcome, untested

from ddet import params
from ddet.report import claim_pages
from ddet.report.claim_pages import Source
from ddet.report.dvc_lock import Entry, Stage

NAMES = {"herd": "Herd"}


@pytest.fixture(scope="module")
def cfg() -> params.Params:
    return params.load()


LINES = {"herd.arms.na": (7, "na: {name: NA}  # <2.3>"), "herd.arms.base": (6, "base: {name: Base}")}


def page(cfg, *outcomes, source=None, root=Path("nowhere"), study=""):
    ends = ("a.html", "a"), ("c.html", "c")
    return claim_pages.claim_page(
        outcomes,
        cfg,
        source,
        NAMES,
        "All synthetic.",
        *ends,
        root=root,
        lines=LINES,
        code="<a1> of 2024-05-02",
        study=study,
    )


def test_it_says_what_is_tested_and_what_came_out(cfg):
    text = page(cfg, outcome(), source=Source("20_herd_augmentation", ("ddet/herd/x.py",)))
    for part in (
        *("<h1>Training without &lt;list&gt; is better</h1>", "Herd, 2.3, Table 2", "All synthetic."),
        "Frame macro F1 of NA minus that of Base, against: no difference. More than 0 is what the claim says.",
        *("<dd>+12.6 [+8.0, +17.1] points</dd>", "<dd>+8.21 points</dd>", "<dd>compatible</dd>", "<dd>&lt; 0.001</dd>"),
        *(
            "6.5 points: the smallest effect",
            "0.004 (false discoveries",
            "0.020 (any error",
            "frame AUC of Base 0.912, as needed: at least 0.9",
        ),
        *("15 source groups, 3 seeds, 488 frames", "consistent, by the audit", "<summary>2 runs</summary><code>k1 k2"),
        *(
            '<a href="../20_herd_augmentation.html">',
            "<code>ddet/herd/x.py</code><br><code>ddet/stats/verdicts.py</code>",
            '"../index.html#verdicts"',
            "<dt>Commit</dt><dd>&lt;a1&gt; of 2024-05-02</dd>",
        ),
        *('rel="prev" href="a.html"', 'rel="next" href="c.html"', '<g class="holds">'),
        "<code>line 7, herd.arms: na: {name: NA}  # &lt;2.3&gt;</code><br><code>line 6, herd.arms: base: {name: Base}",
    ):
        assert part in text, part


def test_its_parts_have_anchors_that_its_contents_name(cfg):
    text = page(cfg, outcome(), outcome(variant="a < b"))
    parts = re.findall(r'<h2 id="(part-\d)">([^<]+)</h2>', text)
    assert [id for id, _ in parts] == [f"part-{i}" for i in range(1, 6)] and "<h2>" not in text
    assert re.findall(r'<li><a href="#(part-\d)">([^<]+)</a></li>', text) == parts
    assert parts[2] == ("part-3", "What came out: a &lt; b")


def test_it_leads_to_the_tables_of_its_notebook(cfg):
    text = page(cfg, outcome(), source=Source("20_herd_augmentation", (), ("herd_alarms", "herd_effects")))
    assert '<a href="../tables/herd_alarms.html">herd_alarms</a> · <a href="../tables/herd_effects.html">' in text
    assert "Its tables" not in page(cfg, outcome(), source=Source("20_herd_augmentation", ()))


def test_what_the_study_says_stands_before_the_paper_s_own_tables(cfg):
    text = page(cfg, outcome(), study="<h2>In the study</h2>")
    places = [text.rindex(f"{part}</h2>") for part in ("What came out", "In the study", "In the paper’s own tables")]
    assert places == sorted(places)
    assert "In the study" not in page(cfg, outcome())


def test_a_claim_without_a_number_says_so_and_draws_nothing(cfg):
    text = page(cfg, untested(arm_a="Nobody", arm_b=""))
    assert "not tested" in text and "<figure>" not in text and "herd.arms" not in text and "nan" not in text.lower()
    assert "<dt>Runs</dt><dd>none</dd>" in text and "Frame macro F1 of Nobody, against" in text


def test_a_claim_of_no_gain_allows_for_a_negligible_loss(cfg):
    assert "Above −1 points is what the claim says." in page(cfg, outcome(stated="not better", size=None))


def test_seeds_are_dots_where_they_are_known(cfg):
    text = page(cfg, outcome(per_seed="0.100000 0.120000 0.158000"))
    assert text.count('class="seed"') == 2 * 3 and "small dots: single seeds" in text  # for two kinds of screens
    assert 'class="seed"' not in page(cfg, outcome()) and "small dots" not in page(cfg, outcome())


def test_the_figure_stands_between_the_numbers_and_their_origin(cfg, tmp_path):
    (tmp_path / "reports/figures").mkdir(parents=True)
    (tmp_path / "reports/figures/herd_augmentation_roc.svg").write_text("<svg/>")
    text = page(cfg, outcome(), root=tmp_path)
    places = [
        text.rindex(part) for part in ("What came out", '<img src="../figures/herd_augmentation_roc', "comes from")
    ]
    assert places == sorted(places)


def test_each_data_set_has_a_section(cfg):
    text = page(cfg, outcome(), outcome(variant="hybrid form", verdict="fails"))
    assert ">What came out</h2>" in text and ">What came out: hybrid form</h2>" in text


def test_a_claim_is_tested_where_a_stage_first_writes_of_it(tmp_path):
    (tmp_path / "ddet/herd").mkdir(parents=True)
    (tmp_path / "ddet/herd/x.py").write_text('judge("herd-rst")\n')
    (tmp_path / "data/results").mkdir(parents=True)

    def stage(name, ids, deps=()):
        out = f"data/results/{name}_claims.csv"
        pd.DataFrame({"claim_id": ids}).to_csv(tmp_path / out, index=False)
        read = [f"notebooks/{name}.ipynb", "ddet/herd/x.py", "ddet/herd/gone.py", *deps]
        outs = (out, "reports/a.csv", *(f"reports/tables/{name}.{kind}" for kind in ("csv", "html")))
        return Stage(name, *(tuple(Entry(p, "", 0) for p in paths) for paths in (read, outs)))

    stages = [stage("20_a", ["herd-rst", "herd-sota"]), stage("23_b", ["herd-rst", "herd-wl-f1"])]
    assert claim_pages.sources(stages, tmp_path) == {
        "herd-rst": Source("20_a", ("ddet/herd/x.py",), ("20_a",)),
        "herd-sota": Source("20_a", (), ("20_a",)),
        "herd-wl-f1": Source("23_b", (), ("23_b",)),
    }
