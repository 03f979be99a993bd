"""An overlay changes what it names and nothing else; a key that the profile lacks is refused."""

import pytest
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.errors import InputError
from ddet.tools import overlay

PAPER = paths.ROOT / "profiles/paper.yaml"


def lay(tmp_path, text: str) -> params.Params:
    (tmp_path / "over.yaml").write_text(text)
    return overlay.lay(PAPER, tmp_path / "over.yaml", tmp_path / "params.yaml")


def test_mappings_change_key_by_key_and_lists_as_a_whole():
    tree = {"a": {"b": 1, "c": [1, 2]}, "d": 3}
    assert overlay.merged(tree, {"a": {"c": [4]}}, "x") == {"a": {"b": 1, "c": [4]}, "d": 3}
    assert tree == {"a": {"b": 1, "c": [1, 2]}, "d": 3}, "the profile stays"
    assert overlay.merged(tree, {"d": None}, "x") == {"a": {"b": 1, "c": [1, 2]}}


def test_the_result_is_the_profile_with_the_cuts(tmp_path):
    cfg, whole = lay(tmp_path, "herd: {train: {epochs: 1}, arms: {longer: {epochs: 2}}}"), params.load(PAPER)
    assert cfg.herd.train == whole.herd.train.model_copy(update={"epochs": 1})
    assert cfg.herd.arms["Base, longer"].epochs == 2 and cfg.asrid == whole.asrid


@pytest.mark.parametrize("key", ["herd: {epoch: 1}", "herd: {train: {epoch: 1}}", "herb: {}"])
def test_an_unknown_key_is_refused(tmp_path, key):
    with pytest.raises(InputError, match="which the profile does not have"):
        lay(tmp_path, key)


def test_a_value_that_does_not_validate_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"herd\.train\.epochs = 0"):
        lay(tmp_path, "herd: {train: {epochs: 0}}")


def cuts(tree: dict, path: str = "") -> list[str]:
    found = []
    for key, value in tree.items():
        place = f"{path}.{key}" if path else key
        found += cuts(value, place) if isinstance(value, dict) else [place]
    return found


def test_the_rehearsal_cuts_counts_epochs_and_batches_alone():
    """Networks, sizes of pictures, samplings, rates, schedules and thresholds stay those of the papers."""
    tree = YAML(typ="safe").load((paths.ROOT / "profiles/overlays/rehearsal.yaml").read_text())
    for paper in ("herd", "asrid", "prle"):
        arms = tree[paper]["arms"]
        tree[paper]["arms"] = {name: arm for name, arm in arms.items() if arm is not None}  # null: taken away
    named = cuts(tree)
    free = ("profile", "runtime.", "benchmark.", "start.weights", "report.bootstrap", "asrid.sets.")
    counts = {"per_class", "scored", "seeds", "epochs", "bs", "mep", "mep_2_phases", "full_3_phases", "weights"}
    counts |= {"imbalance", "methods", "detectors", "clips"}
    maps_of = {f"prle.arms.{name}.zoo": arm.pop("zoo") for name, arm in tree["prle"]["arms"].items() if "zoo" in arm}
    assert all(members and set(members) < set(params.load(PAPER).prle.zoo) for members in maps_of.values()), maps_of
    named = [name for name in named if name not in maps_of]
    whole = params.load(PAPER).robustness.model_dump()
    for name, levels in tree["robustness"].items():  # fewer levels, but the profile's own
        if isinstance(levels, list):
            counts.add(name)
            assert levels and set(levels) < set(whole[name]), name
    assert [name for name in named if not name.startswith(free) and name.rsplit(".", 1)[-1] not in counts] == []


def test_the_arms_that_the_rehearsal_takes_away_leave_every_network_strategy_and_way_to_hide(tmp_path):
    whole = params.load(PAPER)
    cfg = overlay.lay(PAPER, paths.ROOT / "profiles/overlays/rehearsal.yaml", tmp_path / "params.yaml")

    def kinds(of: params.Params) -> set:
        found = {("strategy", arm.strategy) for arm in of.asrid.arms.values()}
        found |= {("hide", arm.hide) for arm in of.prle.arms.values()}
        changes = [arm.model for arm in of.herd.arms.values()]
        changes += [change for arm in of.prle.arms.values() for change in (arm.maps, arm.fusion)]
        named = [pair for change in changes if change for pair in change.model_dump().items()]
        return found | {(key, value) for key, value in named if isinstance(value, str | bool)}

    assert kinds(cfg) == kinds(whole)


def test_the_rehearsal_fits_the_paper_profile(tmp_path):
    cfg = overlay.lay(PAPER, paths.ROOT / "profiles/overlays/rehearsal.yaml", tmp_path / "params.yaml")
    whole = params.load(PAPER)
    assert (cfg.faces, cfg.splits, cfg.data) == (whole.faces, whole.splits, whole.data)
    assert cfg.herd.model == whole.herd.model and cfg.asrid.model == whole.asrid.model
    assert cfg.prle.size == whole.prle.size and cfg.prle.detectors == whole.prle.detectors
    assert cfg.benchmark.dfdc.parts == len([p for p in cfg.data.dfdc_parts if p != "test"])


def test_no_fit_of_the_rehearsal_has_more_than_an_epoch_of_pairs_and_a_seed(tmp_path):
    """The detectors that PRLE compares with have epochs of their own: one was trained for a hundred."""
    cfg = overlay.lay(PAPER, paths.ROOT / "profiles/overlays/rehearsal.yaml", tmp_path / "params.yaml")
    most, found = {"epochs": 1, "bs": 2, "seeds": 1}, set()

    def walk(node: object) -> None:
        for key, value in node.items() if isinstance(node, dict) else ():
            if key in most:
                found.add(key)
                values = value if isinstance(value, list | tuple) else [value]
                assert all(one is None or one <= most[key] for one in values), key
            walk(value)

    for paper in (cfg.herd, cfg.asrid, cfg.prle):
        walk(paper.model_dump())
    assert found == set(most)
