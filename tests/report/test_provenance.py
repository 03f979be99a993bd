"""What each stage read and wrote, by hash, and what nobody wrote."""

from ddet.report import provenance
from ddet.report.dvc_lock import Entry, Stage


def test_every_file_of_every_stage_is_a_row():
    stage = Stage("a <b>", (Entry("in.csv", "0f", 3),), (Entry("out.csv", "1e", 4), Entry("more.csv", "2d", 5)))
    text = provenance.provenance([stage, Stage("c", (), ())], [])
    assert "<h2>a &lt;b&gt;</h2>\n<details><summary>3 hashes</summary>" in text and "<summary>0 hashes" in text
    row = '<tr><td>{}</td><td class="text">{}</td><td class="text"><code>{}</code></td><td>{}</td></tr>'
    for told in (("read", "in.csv", "0f", 3), ("wrote", "out.csv", "1e", 4), ("wrote", "more.csv", "2d", 5)):
        assert row.format(*told) in text
    assert "Orphans" not in text


def test_orphans_are_linked():
    assert '<li><a href="figures/old.png">reports/figures/old.png</a></li>' in provenance.provenance(
        [], ["reports/figures/old.png"]
    )
