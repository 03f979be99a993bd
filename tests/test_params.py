"""params.yaml: typed, complete, and one line for each mistake."""

import re

import pytest
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.errors import InputError

FILES = [paths.PARAMS, *sorted((paths.ROOT / "profiles").glob("*.yaml"))]


def keys(tree, prefix=""):
    if not isinstance(tree, dict):
        return {prefix}
    return {prefix} | {k for name, sub in tree.items() for k in keys(sub, f"{prefix}.{name}")}


@pytest.fixture
def edited(tmp_path):
    """Write the default params with one edit; the pattern must match once."""

    def write(old, new):
        text, n = re.subn(old, new, paths.PARAMS.read_text(), count=1, flags=re.M)
        assert n == 1, old
        file = tmp_path / "params.yaml"
        file.write_text(text)
        return file

    return write


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.parent.name + "/" + f.stem)
def test_every_profile_validates(file):
    assert params.load(file).herd.arms


def test_profiles_have_identical_keys():
    trees = {f: keys(YAML(typ="safe").load(f.read_text())) for f in FILES}
    assert len(trees) == 3
    for file, found in trees.items():
        assert found == trees[paths.PARAMS], file


def test_only_the_default_profile_and_smoke_render():
    assert [params.load(f).benchmark.render for f in FILES] == [True, False, True]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            r"threads: 2",
            "thraeds: 2",
            "unknown key runtime.thraeds; allowed here: backend, device, jobs, threads, workers",
        ),
        (r"^profile: .*$", "", "missing key profile; copy it from profiles/smoke.yaml"),
        (r"lr: 1\.0e-3", "lr: -1", "herd.train.lr = -1; it must be greater than 0"),
        (r"per_class: \d+", "per_class: many", "herd.per_class = 'many'; it must be a valid integer"),
        (r"augment: none", "augment: nnoe", "herd.arms.NA.augment = 'nnoe'; it must be 'none', 'flips' or 'genconvit'"),
        (r"NA: \{", "NA: {foo: 1, ", "unknown key herd.arms.NA.foo; allowed here: augment, bs, epochs, lr, wd"),
        (r"ratios: \[.*\]", "ratios: [0.5, 0.2, 0.2]", "ratios must sum to 1"),
        (r"crf: \d+", "crf: 99", "benchmark.crf = 99; it must be less than or equal to 51"),
    ],
)
def test_a_mistake_is_one_line_naming_the_key_and_what_is_allowed(edited, old, new, said):
    with pytest.raises(InputError) as error:
        params.load(edited(old, new))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_broken_yaml_names_the_line(edited):
    with pytest.raises(InputError, match=r"params\.yaml, line \d+: not YAML"):
        params.load(edited(r"crf: 23", "crf: [23"))


def test_missing_profile_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"no such params file; copy one: cp profiles/smoke\.yaml params\.yaml"):
        params.load(tmp_path / "absent.yaml")


def test_numbers_are_read_as_dvc_reads_them(edited):
    assert params.load(edited(r"lr: 1\.0e-3", "lr: 1e-5")).herd.train.lr == 1e-5


def test_arm_overrides_hold_only_what_the_arm_sets():
    assert params.Arm(augment="none", epochs=3).overrides() == {"epochs": 3}
