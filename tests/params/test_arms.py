"""Keys of arms: short enough for DVC's parser, each an override of one arm; their printed names lead to them."""

import shutil

import pytest
from dvc.exceptions import InvalidArgumentError
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, to_hydra_overrides
from hypothesis import example, given
from hypothesis import strategies as st
from params_files import FILES
from toys import LISTS, arm, keyed, section

from ddet import params
from ddet.params import arms

PAPERS = ("herd", "asrid", "prle")


def every_arm(file) -> dict[tuple[str, str], arms.BaseArm]:
    loaded = params.load(file)
    return {(paper, arm.key): arm for paper in PAPERS for arm in getattr(loaded, paper).arms.values()}


def set_params(file, *words: str) -> None:
    """Change a copy as `dvc exp run -S word -S word` does before it runs anything."""
    ((path, overrides),) = to_path_overrides(words).items()
    assert path == "params.yaml", "a colon would name another file"
    apply_overrides(file, overrides)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_every_arm_can_be_set_from_the_command_line_and_no_other_changes(file, tmp_path):
    """Every arm gets a rate of its own, first as a key that it lacks, then as one that it has."""
    copy, before = tmp_path / "params.yaml", every_arm(file)
    shutil.copy(file, copy)
    assert len(before) > 70
    for plus, factor in (("+", 1e-6), ("", 1e-5)):
        rates = {at: round(factor * i, 8) for i, at in enumerate(before, start=1)}
        new = {at: plus if before[at].lr is None else "" for at in before}
        set_params(copy, *(f"{new[at]}{at[0]}.arms.{at[1]}.lr={rate:.8f}" for at, rate in rates.items()))
        after = every_arm(copy)
        assert after == {at: arm.model_copy(update={"lr": rates[at]}) for at, arm in before.items()}
    loaded, changed = params.load(file), params.load(copy)
    rest = {paper: {"arms"} for paper in PAPERS}
    assert changed.model_dump(exclude=rest) == loaded.model_dump(exclude=rest)


def test_an_edit_of_one_arm_leaves_all_others(tmp_path):
    copy, before = tmp_path / "params.yaml", every_arm(FILES[0])
    shutil.copy(FILES[0], copy)
    set_params(copy, "herd.arms.wl_na.weight=2", "+asrid.arms.dyn_02_mix.lr=0.5", "+prle.arms.x_e_v_f.augment=none")
    after = every_arm(copy)
    changed = {at: arm for at, arm in after.items() if arm != before[at]}
    assert list(changed) == [("herd", "wl_na"), ("asrid", "dyn_02_mix"), ("prle", "x_e_v_f")]
    assert [arm.name for arm in changed.values()] == ["WL + NA", "Dyn (0.2) + Mix", "X. + E. + V. + F."]
    assert changed["herd", "wl_na"].weight == 2 and changed["asrid", "dyn_02_mix"].lr == 0.5
    assert list(after) == list(before)


def test_an_arm_that_is_not_there_is_refused_by_dvc(tmp_path):
    shutil.copy(FILES[0], tmp_path / "params.yaml")
    with pytest.raises(InvalidArgumentError):
        set_params(tmp_path / "params.yaml", "herd.arms.wl_nah.weight=2.0")


@given(st.text("aZ_-0 ", min_size=1, max_size=5) | st.text("a9+.$:/@=(,ä\n", min_size=1, max_size=3))
@example("ResNet-50")
@example("a b")
@example("X. + E.")
def test_a_key_is_taken_only_if_dvc_can_address_it(key):
    try:
        arms.by_name({key: arm()})
    except ValueError as e:
        assert str(e).startswith("no command line can write") and "\n" not in str(e)
        return
    (override,) = to_hydra_overrides([f"herd.arms.{key}.weight=2"])
    assert override.key_or_group == f"herd.arms.{key}.weight" and override.value() == 2


def test_arms_are_looked_up_by_name_and_know_their_keys():
    found = arms.by_name({"wl_na": arm(name="WL + NA"), "plateau": arm(lr=0.1)})
    assert [(n, a.name, a.key) for n, a in found.items()] == [("WL + NA", "WL + NA", "wl_na"), ("plateau",) * 3]
    assert found["plateau"].lr == 0.1


def test_two_arms_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"^a and b are both named 'NA'$"):
        arms.by_name({"a": arm(name="NA"), "b": arm(name="NA")})
    with pytest.raises(ValueError, match=r"^a and NA are both named 'NA'$"):
        arms.by_name({"a": arm(name="NA"), "NA": arm()})


def test_a_key_is_no_entry_of_the_file_and_tells_arms_apart():
    one, other = (arms.by_name({key: arm(name="NA")})["NA"] for key in ("a", "b"))
    assert one != other and one.model_dump() == other.model_dump()


def test_an_arm_has_the_list_that_it_names_or_else_its_section_s():
    cfg = section(augment="turn", arms=keyed({"x": arm(), "y": arm("flips")}))
    assert cfg.list_of(cfg.arms["x"]).steps == LISTS["turn"] and cfg.list_of(cfg.arms["y"]).steps == LISTS["flips"]
