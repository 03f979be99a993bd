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


def test_profiles_have_identical_keys_save_within_arms_and_lists():
    trees = {f: keys(YAML(typ="safe").load(f.read_text())) for f in FILES}
    assert len(trees) == 3
    free = (".herd.arms.", ".herd.augment.", ".asrid.arms.", ".asrid.lists.", ".prle.arms.", ".prle.detectors.")
    outside = {f: {key for key in found if not key.startswith(free)} for f, found in trees.items()}
    assert {".herd.arms", ".herd.sweep.weights", ".runtime.fits"} <= outside[paths.PARAMS]
    for file, found in outside.items():
        assert found == outside[paths.PARAMS], file


def test_profiles_have_the_same_arms_that_differ_in_scale_alone():
    scale = {"epochs": None, "seeds": None, "model": None}

    def told(arm: params.Arm) -> tuple:
        change = arm.model.model_dump(include={"name", "form"}) if arm.model else {}
        return arm.model_copy(update=scale), change, arm.model is not None and arm.model.swin == "none"

    arms, *others = ([(name, told(arm)) for name, arm in params.load(f).herd.arms.items()] for f in FILES)
    assert len(arms) > 20 and all(other == arms for other in others)


def test_profiles_have_the_same_arms_of_asrid_that_differ_in_scale_alone():
    def told(arm: params.AsridArm) -> params.AsridArm:
        return arm.model_copy(update={"epochs": None, "seeds": None})

    arms, *others = ([(name, told(arm)) for name, arm in params.load(f).asrid.arms.items()] for f in FILES)
    assert len(arms) > 20 and all(other == arms for other in others)


def test_profiles_have_the_same_arms_of_prle_that_differ_in_scale_alone():
    def told(arm: params.PrleArm) -> params.PrleArm:
        return arm.model_copy(update={"epochs": None, "seeds": None})

    sections = [params.load(f).prle for f in FILES]
    arms, *others = ([(name, told(arm)) for name, arm in section.arms.items()] for section in sections)
    assert len(arms) > 15 and all(other == arms for other in others)
    same, *others = ([section.tests, list(section.detectors), section.zoo, section.fusion] for section in sections)
    assert all(other == same for other in others)


def test_profiles_have_the_same_lists():
    lists, *others = (params.load(f).asrid.lists for f in FILES)
    assert all(other == lists for other in others)
    lists, *others = (list(params.load(f).herd.augment.items()) for f in FILES)
    assert all(other == lists for other in others)


def test_only_the_default_profile_and_smoke_render():
    assert [params.load(f).benchmark.render for f in FILES] == [True, False, True]


ARM_KEYS = "augment, bs, curriculum, epochs, imbalance, lr, model, part, rows, seeds, split, wd, weight, weighted_class"
LISTS = "genconvit, none, flips, rotation_flips, released"
DETECTORS = "Xception, EfficientNet, VGG, F3-Net, ResNet-50"
TWO = r"curriculum: \[masked, full\], epochs: \[\d+, \d+\]"
RATE = r"(^herd:(?:.*\n)+?  train: \{.*?lr: )[\d.e-]+"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            r"threads: \d",
            "thraeds: 1",
            "unknown key runtime.thraeds; allowed here: backend, device, fits, isa, jobs, threads, workers",
        ),
        (r"^profile: .*$", "", "missing key profile; copy it from profiles/smoke.yaml"),
        (r"^  fits: .*$", "", "missing key runtime.fits; copy it from profiles/smoke.yaml"),
        (r"fits: \d", "fits: 0", "runtime.fits = 0; it must be greater than or equal to 1"),
        (RATE, r"\1-1", "herd.train.lr = -1; it must be greater than 0"),
        (r"per_class: \d+", "per_class: many", "herd.per_class = 'many'; it must be a valid integer"),
        (r"per_class: \d+", "per_class: [4]", "herd.per_class = [4]; it must be a valid integer"),
        (r"ratios: \[.*\]", "ratios: [0.5, 0.2, 0.2]", "ratios must sum to 1"),
        (r"crf: \d+", "crf: 99", "benchmark.crf = 99; it must be less than or equal to 51"),
        # asrid
        (
            r"strategy: spatial",
            "strategy: spatail",
            "asrid.arms.Spatial.strategy = 'spatail'; it must be 'static_old', 'static_new', 'static_mix', 'spatial'",
        ),
        (r"w: 0\.8", "w: 1.2", "asrid.arms.Dyn (0.2).w = 1.2; it must be less than or equal to 1"),
        (r", w: 0\.8", "", "dynamic needs w, the share of the static score, in (0, 1)"),
        (r"strategy: spatial", "strategy: spatial, w: 0.5", "w = 0.5, but spatial has no dynamic score"),
        (r"positions: \d+", "positions: 2", "frames = 8, more than the model's positions = 2"),
        (r"^  set: small", "  set: smal", "asrid: set = 'smal' does not exist, use one of small, large"),
        (r"schedule: plateau", "schedule: plato", "asrid.arms.plateau.schedule = 'plato'; it must be 'one_cycle'"),
        # herd as a whole
        (r"^  imbalance: [\d.]+", "  imbalance: 0", "herd.imbalance = 0; it must be greater than 0"),
        (r"^  weight: [\d.]+", "  weight: 0", "herd.weight = 0; it must be greater than 0"),
        (
            r"weighted_class: fake",
            "weighted_class: fakes",
            "herd.weighted_class = 'fakes'; it must be 'fake' or 'real'",
        ),
        (r"masked: eyes", "masked: nose", "herd.stages.masked = 'nose'; it must be 'none' or 'eyes'"),
        (r"stages: \{.*?\}", "stages: {}", "herd.stages: Dictionary must have at least 1 item"),
        (r"^  curriculum: \[.*\]", "  curriculum: []", "curriculum is empty, name at least one of full, masked"),
        (r"^  curriculum: \[.*\]", "  curriculum: [ful]", "curriculum = 'ful' does not exist, use one of full, masked"),
        (r"form: released", "form: release", "herd.model.form = 'release'; it must be 'released' or 'intended'"),
        (r"width: \d+", "width: 0", "herd.model.width = 0; it must be greater than or equal to 1"),
        (r"swin: \w+, ", "", "missing key herd.model.swin; copy it from profiles/smoke.yaml"),
        (
            r"leaky: \{splits: \[image\]",
            "leaky: {splits: [frame]",
            "herd.leaky.splits.0 = 'frame'; it must be 'official', 'identity', 'clip' or 'image'",
        ),
        # augmentation lists
        (r"VerticalFlip: 0\.5", "VerticalFlop: 0.5", "'VerticalFlop'; it must be 'RandomRotate90', 'Transpose', "),
        (r"VerticalFlip: 0\.5", "VerticalFlop: 0.5", "herd.augment.genconvit.steps.VerticalFlop = "),
        (
            r"VerticalFlip: 0\.5",
            "VerticalFlip: 1.5",
            "herd.augment.genconvit.steps.VerticalFlip = 1.5; it must be less than or equal to 1",
        ),
        (r"none: \{p: 1\.0", "none: {p: -1", "herd.augment.none.p = -1; it must be greater than or equal to 0"),
        (r"none: \{p: 1\.0", "none: {q: 1", "unknown key herd.augment.none.q; allowed here: p, steps"),
        # arms
        (r"NA: \{", "NA: {foo: 1, ", f"unknown key herd.arms.NA.foo; allowed here: {ARM_KEYS}"),
        (r"augment: none, rows", "augment: nnoe, rows", f"NA: augment = 'nnoe' does not exist, use one of {LISTS}"),
        (r"Base: \{part: augmentation, ", "Base: {", "missing key herd.arms.Base.part"),
        (
            r"\{part: results",
            "{part: result",
            "herd.arms.RST.part = 'result'; it must be 'augmentation', 'masked_eyes', 'weighted_loss' or 'results'",
        ),
        (
            r"table1: GenConViT",
            "table3: GenConViT",
            "herd.arms.Base.rows.table3 = 'table3'; it must be 'table1' or 'tabl",
        ),
        (r"weight: 1\.85\}", "weight: -1.85}", "herd.arms.WL.weight = -1.85; it must be greater than 0"),
        (TWO, "curriculum: []", "MEP, 2 stages: curriculum is empty, name at least one of full, masked"),
        (TWO, "curriculum: [mask]", "MEP, 2 stages: curriculum = 'mask' does not exist, use one of full, masked"),
        (
            TWO,
            "curriculum: [masked, full], epochs: [3]",
            "MEP, 2 stages: epochs = [3], but its curriculum has 2 stages",
        ),
        (TWO, "epochs: [3, 2]", "MEP, 2 stages: epochs = [3, 2], but its curriculum has 1 stages"),
        (TWO, "epochs: [0]", "herd.arms.MEP, 2 stages.epochs.0 = 0; it must be greater than or equal to 1"),
        (TWO, "epochs: []", "herd.arms.MEP, 2 stages.epochs = []; List must have at least 1 item"),
        (TWO, "epochs: 0", "herd.arms.MEP, 2 stages.epochs = 0; it must be greater than or equal to 1"),
        (
            r"model: \{swin: none\}",
            "model: {swim: none}",
            "unknown key herd.arms.RST.model.swim; allowed here: backbone, form, name, swin, width",
        ),
        (
            r"model: \{form: intended\}",
            "model: {form: hybrid}",
            "herd.arms.Base (hybrid).model.form = 'hybrid'; it must be 'released' or 'intended'",
        ),
        # prle
        (r"tau1: 0\.3", "tau1: 1.3", "prle.fusion.tau1 = 1.3; it must be less than or equal to 1"),
        (r"lam: 0\.15", "lam: -0.1", "prle.fusion.lam = -0.1; it must be greater than or equal to 0"),
        (r"tau2: 0\.0", "tau2: -1", "prle.fusion.tau2 = -1; it must be greater than or equal to 0"),
        (
            r"fusion: \{method: union",
            "fusion: {method: mean",
            "prle.fusion.method = 'mean'; it must be 'union', 'average', 'neighbouring' or 'three_zones'",
        ),
        (r"exploit: \{p: 0\.5", "exploit: {p: 1.5", "prle.exploit.p = 1.5; it must be less than or equal to 1"),
        (
            r"alpha: \[0\.0, 1\.0\]",
            "alpha: [-0.5, 1.0]",
            "prle.exploit.alpha.0 = -0.5; it must be greater than or equal",
        ),
        (
            r"alpha: \[0\.0, 1\.0\]",
            "alpha: [0.0, 0.5]",
            "prle.exploit: alpha = [0.0, 0.5] must end at 1: it is uniform in",
        ),
        (r"alpha: \[0\.0, 1\.0\]", "alpha: [1.0]", "prle.exploit.alpha = [1.0]; List must have at least 2 items"),
        (r"gamma: 1\.0", "gamma: -1", "prle.exploit.gamma = -1; it must be greater than or equal to 0"),
        (r"fill: zero", "fill: black", "prle.exploit.fill = 'black'; it must be 'zero' or 'noise'"),
        (r"^  zoo: \[Xception", "  zoo: [Xceptoin", f"prle: zoo = 'Xceptoin' does not exist, use one of {DETECTORS}"),
        (r"^  zoo: \[.*?\]", "  zoo: []", "prle.zoo = []; List must have at least 1 item"),
        (r"zoo: \[VGG\]", "zoo: [VGG16]", "prle: V.: detectors, zoo = 'VGG16' does not exist, use one of Xception, "),
        (
            r"(X\.: .*)detectors: \[Xception, EfficientNet\]",
            r"\1detectors: [EffNet]",
            f"prle: X.: detectors, zoo = 'EffNet' does not exist, use one of {DETECTORS}",
        ),
        (
            r"(subsets: .*)detectors: \[\w+",
            r"\1detectors: [Meso",
            f"prle: subsets: detectors = 'Meso' does not exist, use one of {DETECTORS}",
        ),
        (
            r"subsets: \{methods: \[Deepfakes",
            "subsets: {methods: [FaceFakes",
            "prle.subsets.methods.0 = 'FaceFakes'; it must be 'Deepfakes', 'Face2Face', ",
        ),
        (
            r"^    backbone: \{hide: nothing\}\n",
            "",
            "prle: arms must hold 'backbone', which hides nothing, of all detectors",
        ),
        (
            r"backbone: \{hide: nothing\}",
            "backbone: {hide: parts}",
            "prle: arms must hold 'backbone', which hides nothing, of all detectors",
        ),
        (
            r"^    PRLE: \{hide: primary\}",
            "    Prle: {hide: primary}",
            "prle: arms must hold 'PRLE', which hides something, of all detectors",
        ),
        (
            r"Random: \{hide: rectangles",
            "Random: {hide: boxes",
            "prle.arms.Random.hide = 'boxes'; it must be 'nothing', 'primary', 'rectangles' or 'parts'",
        ),
        (
            r"(as released: .*)alpha: \[0\.5, 1\.0\]",
            r"\1alpha: [0.5, 0.9]",
            "prle: as released: alpha = [0.5, 0.9] must end at 1",
        ),
        (
            r"method: average, tau1: 0\.1",
            "method: average, tau1: 2",
            "τ1).fusion.tau1 = 2; it must be less than or equal to 1",
        ),
        (r"select_on: test", "select_on: train", "selected on test.select_on = 'train'; it must be 'valid' or 'test'"),
        (
            r"DF-1\.0: df1",
            "DF-1.0: df2",
            "prle.tests.DF-1.0 = 'df2'; it must be 'ffpp', 'celebdf', 'dfdc', 'df1' or 'folder'",
        ),
        # the sweep
        (
            r"sweep: \{augment: genconvit",
            "sweep: {augment: gcv",
            f"sweep: augment = 'gcv' does not exist, use one of {LISTS}",
        ),
        (r"weights: \[", "weights: [0, ", "herd.sweep.weights.0 = 0; it must be greater than 0"),
        (r"classes: \[.*?\]", "classes: []", "herd.sweep.classes = []; List must have at least 1 item"),
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
    assert params.load(edited(RATE, r"\g<1>1e-5")).herd.train.lr == 1e-5


def test_an_arm_says_only_what_it_changes():
    arm = params.Arm(part="results", augment="none", epochs=[3, 2], model=params.ModelChange(swin="none"))
    assert arm.model_dump(exclude_none=True, exclude_defaults=True) == {
        "part": "results", "augment": "none", "epochs": [3, 2], "model": {"swin": "none"}
    }  # fmt: skip


def test_the_list_without_steps_and_the_removed_branch_are_not_the_words_for_nothing():
    herd = params.load(paths.PARAMS).herd
    assert herd.augment["none"].steps == {} and herd.arms["RST"].model.swin == "none"
    assert herd.arms["NA"].augment == "none" and herd.stages["full"] == "none"
