"""The study: the default profile with more seeds and arms, and in step with it."""

from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from ddet import params, paths, published
from ddet.tools import study


def leaves(tree: Any, *keys: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from leaves(value, *keys, str(key))
    else:
        yield keys, tree


def test_the_file_is_what_the_default_profile_gives():
    assert study.STUDY.read_text() == study.study(paths.PARAMS.read_text()), "run python -m ddet.tools.study"


def test_it_differs_from_the_default_in_its_name_in_seeds_and_in_how_many_classes_alone():
    default, ten = (dict(leaves(YAML(typ="safe").load(p.read_text()))) for p in (paths.PARAMS, study.STUDY))
    assert set(default) == set(ten)
    other = {keys: ten[keys] for keys in ten if ten[keys] != default[keys]}
    assert other.pop(("profile",)) == "study"
    assert other.pop(("herd", "sweep", "classes")) == ["real", "fake"]
    assert other and all(keys[-1] == "seeds" and keys[0] in study.MORE for keys in other)


def test_what_claims_compare_has_ten_seeds_every_arm_has_one_and_no_other_seed_is_touched():
    whole, default = params.load(study.STUDY), params.load(paths.PARAMS)
    assert (whole.herd.seeds, whole.asrid.seeds) == (10, 10) and whole.prle == default.prle
    for section in (whole.herd, whole.asrid):
        ten = {name for name, arm in section.arms.items() if (arm.seeds or section.seeds) == 10}
        printed = {name for name, arm in section.arms.items() if arm.seeds is None}
        assert ten - printed == {arm.name for arm in section.arms.values() if arm.key in study.COMPARED} and printed
    for was, now in ((default.herd, whole.herd), (default.asrid, whole.asrid)):
        unset = [name for name in now.arms if name not in was.arms]
        assert unset and all(now.arms[name].seeds == 1 for name in unset), "those of 0 seeds are trained here"
    assert (whole.herd.sweep.seeds, whole.herd.leaky.seeds) == (1, 1)
    assert [s.seed for s in (whole.benchmark, whole.splits, whole.start, whole.report)] == [
        s.seed for s in (default.benchmark, default.splits, default.start, default.report)
    ]


def test_the_arms_that_claims_compare_and_that_have_seeds_of_their_own_are_those_named():
    claims, default = published.facts("claims"), params.load(paths.PARAMS)
    claims = claims[claims["paper"].isin(study.MORE)]
    named = {arm for side in ("arm_a", "arm_b") for arm in claims[side]}
    own = [a for s in (default.herd, default.asrid) for a in s.arms.values() if a.name in named and a.seeds]
    assert {arm.key for arm in own} == set(study.COMPARED)


def test_finished_work_is_adopted(tmp_path):
    for name in ("runs/herd/abc/run.json", "faces/clips.parquet", "results/herd.json"):
        (tmp_path / "from" / name).parent.mkdir(parents=True)
        (tmp_path / "from" / name).write_text(name)
    (tmp_path / "to/data/faces").mkdir(parents=True)
    study.adopt(tmp_path / "to", tmp_path / "from")
    copied = {str(p.relative_to(tmp_path / "to/data")) for p in (tmp_path / "to").rglob("*") if p.is_file()}
    assert copied == {"runs/herd/abc/run.json", "faces/clips.parquet"}


def test_a_run_is_laid_out_and_its_ledger_is_kept(tmp_path, monkeypatch, capsys):
    kept = []
    monkeypatch.setattr(study.studied, "keep", lambda *args: kept.append(args))
    assert study._main(["--lay-out", str(tmp_path / "s")]) == 0
    assert params.load(tmp_path / "s/params.yaml").profile == "study"
    assert study._main(["--keep", str(tmp_path / "s")]) == 0
    ((folder, commit, words),) = kept
    assert folder == tmp_path / "s" and len(commit) >= 7 and "cores" in words
    assert commit == (tmp_path / "s" / study.COMMIT).read_text()
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    assert study._main(["--lay-out", str(tmp_path / "full")]) == 2
    assert "is not empty and no demo" in capsys.readouterr().err


def test_by_hand():
    text = """# a comment, seeds: many
profile: default   # name
herd:   # ours
  seed: 2
  seeds: 3   # of rows
  arms:
    rot_rf: {name: seeds,
      seeds: 1}  # 2.1
    b: {seeds: 0}
    c: {seeds: 1}
  sweep: {classes: [fake], seeds: 1}
prle:
  seeds: 3
  arms: {random: {seeds: 0}}
asrid:
  seeds: 3
report: {seed: 1}
"""
    want = """# a comment, seeds: many
profile: study                  # name
herd:   # ours
  seed: 2
  seeds: 10  # of rows
  arms:
    rot_rf: {name: seeds,
      seeds: 10}  # 2.1
    b: {seeds: 1}
    c: {seeds: 1}
  sweep: {classes: [real, fake], seeds: 1}
prle:
  seeds: 3
  arms: {random: {seeds: 0}}
asrid:
  seeds: 10
report: {seed: 1}
"""
    assert study.study(text) == want
