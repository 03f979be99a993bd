"""The study: the default profile with ten seeds of everything, and in step with it."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from ddet import params, paths
from ddet.tools import study


def leaves(tree: Any, *keys: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, *keys, str(key))
    else:
        yield keys, tree


def test_the_file_is_what_the_default_profile_gives():
    assert study.STUDY.read_text() == study.study(paths.PARAMS.read_text()), "run python -m ddet.tools.study"


def test_it_differs_from_the_default_in_its_name_in_seeds_and_in_how_many_detectors_and_classes_alone():
    default, ten = (dict(leaves(YAML(typ="safe").load(p.read_text()))) for p in (paths.PARAMS, study.STUDY))
    gone = {("prle", "arms", arm, "detectors") for arm in study.WIDER}
    assert set(default) - set(ten) == gone and set(ten) < set(default)
    other = {keys: ten[keys] for keys in ten if ten[keys] != default[keys]}
    assert other.pop(("profile",)) == "study"
    assert other.pop(("herd", "sweep", "classes")) == ["real", "fake"]
    assert other.pop(("prle", "subsets", "detectors")) == list(params.load().prle.detectors)
    assert other and all(keys[-1] == "seeds" and value == study.SEEDS for keys, value in other.items())


def test_every_arm_has_ten_seeds_and_no_other_seed_is_touched():
    whole, default = params.load(study.STUDY), params.load(paths.PARAMS)
    for section in (whole.herd, whole.asrid, whole.prle):
        assert {arm.seeds or section.seeds for arm in section.arms.values()} == {10}
    assert len(whole.herd.arms) > len(default.herd.arms), "those of 0 seeds are trained here"
    assert whole.herd.sweep.seeds == whole.herd.leaky.seeds == whole.prle.subsets.seeds == 10
    assert [s.seed for s in (whole.benchmark, whole.splits, whole.start, whole.report)] == [
        s.seed for s in (default.benchmark, default.splits, default.start, default.report)
    ]


def test_a_run_is_laid_out_and_its_ledger_is_kept(tmp_path, monkeypatch, capsys):
    kept = []
    monkeypatch.setattr(study.studied, "keep", lambda *args: kept.append(args))
    assert study._main(["--lay-out", str(tmp_path / "s")]) == 0
    assert params.load(tmp_path / "s/params.yaml").profile == "study"
    assert study._main(["--keep", str(tmp_path / "s")]) == 0
    ((folder, commit, words),) = kept
    assert folder == tmp_path / "s" and len(commit) >= 7 and "cores" in words
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    assert study._main(["--lay-out", str(tmp_path / "full")]) == 2
    assert "is not empty and no demo" in capsys.readouterr().err


def test_by_hand():
    text = """# a comment, seeds: many
profile: default   # name
herd: {seeds: 3, seed: 2, arms: {a: {seeds: 1}, b: {seeds: 0}}}
prle:
  detectors: {A: {}, B: {}}
  arms:
    random: {hide: rectangles, detectors: [A], seeds: 2}  # Table IV
    random_too: {hide: rectangles, detectors: [A]}
  subsets: {methods: [M],  # Table III
            detectors: [A], seeds: 1}
"""
    want = """# a comment, seeds: many
profile: study                  # name
herd: {seeds: 10, seed: 2, arms: {a: {seeds: 10}, b: {seeds: 10}}}
prle:
  detectors: {A: {}, B: {}}
  arms:
    random: {hide: rectangles, seeds: 10}  # Table IV
    random_too: {hide: rectangles, detectors: [A]}
  subsets: {methods: [M],  # Table III
            detectors: [A, B], seeds: 10}
"""
    assert study.study(text) == want
