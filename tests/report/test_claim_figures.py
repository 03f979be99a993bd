"""Figures of claims: the longest beginning decides, and every figure that is named is one that a stage writes."""

from ruamel.yaml import YAML

from ddet import paths, published
from ddet.report import claim_figures


def test_the_longest_beginning_decides():
    assert claim_figures.name_of("herd-rst") == "herd_auc" and claim_figures.name_of("herd-real-worse") == (
        "herd_augmentation_confusion"
    )
    assert claim_figures.name_of("prle-subsets") == "prle_fig5" and claim_figures.name_of("other") == ""


def test_every_named_figure_is_written_by_a_stage_and_has_a_caption():
    stages = YAML(typ="safe").load((paths.ROOT / "dvc.yaml").read_text())["stages"].values()
    outs = [next(iter(o)) for s in stages for o in [*s.get("outs", ()), *s.get("plots", ())] if isinstance(o, dict)]
    written = {o.rsplit("/", 1)[1].rsplit(".", 1)[0] for o in outs if o.endswith((".svg", ".webp"))}
    assert set(claim_figures.SHOWN.values()) == set(claim_figures.CAPTIONS) <= written


def test_every_claim_of_runs_has_a_figure():
    claims = published.facts("claims")
    assert all(claim_figures.name_of(i) for i in claims["id"])


def test_a_figure_that_the_run_left_is_shown_and_no_other(tmp_path):
    assert claim_figures.figure("prle-broader", tmp_path) == ""
    (tmp_path / "reports/figures").mkdir(parents=True)
    (tmp_path / "reports/figures/prle_fig9.webp").write_bytes(b"")
    shown = claim_figures.figure("prle-broader", tmp_path, "../")
    assert '<a href="../figures/prle_fig9.webp"><img src="../figures/prle_fig9.webp" alt="Grad-CAM on' in shown
