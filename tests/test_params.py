"""params.yaml: typed, complete, and one line for each mistake."""

import pytest
from params_files import FILES, GONE, edit
from ruamel.yaml import YAML

from ddet import params, paths
from ddet.errors import InputError

PAPERS = ("herd", "asrid", "prle")


def keys(tree, prefix=""):
    if not isinstance(tree, dict):
        return {prefix}
    return {prefix} | {k for name, sub in tree.items() for k in keys(sub, f"{prefix}.{name}")}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.parent.name + "/" + f.stem)
def test_every_profile_validates(file):
    assert params.load(file).herd.arms


def test_profiles_have_identical_keys_save_within_arms_and_lists():
    trees = {f: keys(YAML(typ="safe").load(f.read_text())) for f in FILES}
    assert len(trees) == 4
    free = [f".{paper}.{part}." for paper in PAPERS for part in ("arms", "augment_lists", "detectors")]
    free.append(".prle.compared.detectors.")  # recipes: common ones, or those that were released
    free.append(".start.backbones.")  # the networks differ, and so do their sources
    free += [".faces.datasets.", ".splits.datasets."]  # what one dataset changes
    free.append(".asrid.sets.")  # a set counts the clips of some splits, and takes the others whole
    outside = {f: {key for key in found if not key.startswith(tuple(free))} for f, found in trees.items()}
    assert {".herd.arms", ".herd.sweep.weights", ".runtime.fits"} <= outside[paths.PARAMS]
    for file, found in outside.items():
        assert found == outside[paths.PARAMS], file


@pytest.mark.parametrize("paper", PAPERS)
def test_profiles_have_the_same_arms_under_the_same_keys_that_differ_in_scale_alone(paper):
    def told(arm: params.arms.BaseArm) -> tuple:
        change = getattr(arm, "model", None)
        form = (change.name, change.form, change.swin == "none") if change else None
        alike = {"epochs": None, "seeds": None} | ({"model": None, "lr": None} if change else {})
        alike |= {"detectors": None} if paper == "prle" else {}  # how many train an arm
        return arm.key, arm.model_copy(update=alike), form

    files = [params.Params.model_validate(YAML(typ="safe").load(f.read_text())) for f in FILES]
    arms, *others = ([(n, *told(arm)) for n, arm in getattr(whole, paper).arms.items()] for whole in files)
    assert len(arms) > 15 and all(other == arms for other in others)


def test_arms_of_no_seed_are_left_out_and_held_to_the_rules_like_all_others(tmp_path):
    tree = YAML(typ="safe").load(paths.PARAMS.read_text())
    listed = {f"{paper}.{key}" for paper in PAPERS for key, arm in tree[paper]["arms"].items() if arm.get("seeds") == 0}
    loaded = params.load(paths.PARAMS)
    left = {f"{paper}.{arm.key}" for paper in PAPERS for arm in getattr(loaded, paper).arms.values()}
    every = {f"{paper}.{key}" for paper in PAPERS for key in tree[paper]["arms"]}
    assert listed and left == every - listed
    tree["prle"]["arms"]["prle"]["seeds"] = 0
    with (tmp_path / "params.yaml").open("w") as file:
        YAML(typ="safe").dump(tree, file)
    with pytest.raises(InputError, match=r"one named 'PRLE', which hides something, .* and has a seed"):
        params.load(tmp_path / "params.yaml")


def test_profiles_ask_prle_s_detectors_and_zoo_for_the_same():
    sections = [params.load(f).prle for f in FILES]
    same, *others = ([section.tests, list(section.detectors), section.zoo, section.fusion] for section in sections)
    assert all(other == same for other in others)


@pytest.mark.parametrize("paper", PAPERS)
def test_profiles_have_the_same_lists_in_the_same_order(paper):
    sections = [getattr(params.load(f), paper) for f in FILES]
    lists, *others = (
        [s.augment, [(n, list(a)) for n, a in s.augment_lists.items() if n not in own(s)]] for s in sections
    )
    assert all(other == lists for other in others)


def own(section: params.arms.Paper) -> set[str]:
    """Name the lists that only recipes of detectors compared with name."""
    compared = getattr(section, "compared", None)
    return {other.augment for other in compared.detectors.values()} - {None, section.augment} if compared else set()


def test_profiles_compare_with_the_same_detectors_in_the_same_order():
    told = [[(n, o.name) for n, o in params.load(f).prle.compared.detectors.items()] for f in FILES]
    assert len(told[0]) == 8 and all(other == told[0] for other in told[1:])


def test_profiles_hide_the_same_in_the_phases_of_the_same_curricula():
    sections = [params.load(f).herd for f in FILES]
    told, *others = ([s.phases, s.curriculum, [(name, c.phases) for name, c in s.curricula.items()]] for s in sections)
    assert all(other == told for other in others)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_no_line_is_longer_than_a_screen(file):
    assert [line for line in file.read_text().splitlines() if len(line) > 120] == []


def test_only_the_paper_s_profile_renders_nothing():
    assert {f.stem: params.load(f).benchmark.render for f in FILES} == {
        "params": True, "paper": False, "smoke": True, "study": True,
    }  # fmt: skip


ARM_KEYS = (
    "augment, bs, curriculum, epochs, imbalance, lr, model, name, part, rows, seeds, split, wd, weight, weighted_"
)
LISTS = ", ".join(params.load().herd.augment_lists)
CURRICULA = ", ".join(params.load().herd.curricula)
DETECTORS = ", ".join(params.load().prle.detectors)
ENDS = "must end at 1: it is uniform in"
MANY = "it must be greater than 0"
ONE = "it must be greater than or equal to 1"
NONE = "it must be greater than or equal to 0"
MOST = "it must be less than or equal to 1"
MISTAKES = [  # path in the file, what is written there, the line that it makes
    ("runtime/thraeds", 1, "unknown key runtime.thraeds; did you mean 'threads'? allowed here: backend, device, fits"),
    ("profile", GONE, "missing key profile; copy it from profiles/smoke.yaml"),
    ("runtime/fits", GONE, "missing key runtime.fits; copy it from profiles/smoke.yaml"),
    ("runtime/fits", 0, f"runtime.fits = 0; {ONE}"),
    ("runtime/jobs", "all", "runtime.jobs = 'all'; 'all' is neither a number nor auto"),
    ("splits/ratios", [0.5, 0.2, 0.2], "ratios must sum to 1"),
    ("benchmark/crf", 99, "benchmark.crf = 99; it must be less than or equal to 51"),
    # herd as a whole
    ("herd/train/lr", -1, f"herd.train.lr = -1; {MANY}"),
    ("herd/per_class", "many", "herd.per_class = 'many'; it must be a valid integer"),
    ("herd/per_class", [4], "herd.per_class = [4]; it must be a valid integer"),
    ("herd/imbalance", 0, f"herd.imbalance = 0; {MANY}"),
    ("herd/weight", 0, f"herd.weight = 0; {MANY}"),
    ("herd/weighted_class", "fakes", "herd.weighted_class = 'fakes'; it must be 'fake' or 'real'"),
    ("herd/model/form", "release", "herd.model.form = 'release'; it must be 'released', 'intended' or 'one_view'"),
    ("herd/model/width", 0, f"herd.model.width = 0; {ONE}"),
    ("herd/model/swin", GONE, "missing key herd.model.swin; copy it from profiles/smoke.yaml"),
    ("herd/leaky/splits", ["frame"], "herd.leaky.splits.0 = 'frame'; it must be 'official', 'identity', 'clip' or 'im"),
    ("herd/sweep/weights", [0, 2.0], f"herd.sweep.weights.0 = 0; {MANY}"),
    ("herd/sweep/classes", [], "herd.sweep.classes = []; List must have at least 1 item"),
    ("herd/sweep/augment", "none", "unknown key herd.sweep.augment; allowed here: classes, imbalance, seeds, weights"),
    # robustness
    ("robustness/jpeg", [10, 50], "robustness.jpeg = [10, 50]; [10, 50] must fall: the mildest level comes first"),
    ("robustness/crf", [41, 29], "robustness.crf = [41, 29]; [41, 29] must rise: the mildest level comes first"),
    ("robustness/crf", [60], "robustness.crf.0 = 60; it must be less than or equal to 51"),
    ("robustness/resize", [1.0], "robustness.resize.0 = 1.0; it must be less than 1"),
    ("robustness/noise", [], "robustness.noise = []; List must have at least 1 item"),
    # curricula
    ("herd/phases/masked", "nose", "herd.phases.masked = 'nose'; it must be 'none' or 'eyes'"),
    ("herd/phases", {}, "herd.phases: Dictionary must have at least 1 item"),
    ("herd/curricula/mep/phases", [], "herd.curricula.mep.phases = []; List must have at least 1 item"),
    ("herd/curricula/mep/phases", ["mask"] * 3, "herd: curricula.mep.phases = 'mask' does not exist, use one of full"),
    ("herd/curricula/mep/epochs", [3], "herd.curricula.mep: epochs = [3], but there are 3 phases"),
    ("herd/curricula/mep/epochs", [], "herd.curricula.mep: epochs = [], but there are 3 phases"),
    ("herd/curricula/mep/epochs", [1, 0, 1], f"herd.curricula.mep.epochs.1 = 0; {ONE}"),
    (
        "herd/curricula/mep/epoch",
        1,
        "unknown key herd.curricula.mep.epoch; did you mean 'epochs'? allowed here: epochs",
    ),
    ("herd/curriculum", "plane", f"herd: curriculum = 'plane' does not exist, use one of {CURRICULA}"),
    ("herd/arms/wl/curriculum", "pem", f"herd: arms.wl.curriculum = 'pem' does not exist, use one of {CURRICULA}"),
    # augmentation lists
    ("herd/augment_lists/flips/steps/VerticalFlop", 0.5, "'VerticalFlop'; it must be 'RandomRotate90', 'Transpose', "),
    ("herd/augment_lists/flips/steps/VerticalFlop", 0.5, "herd.augment_lists.flips.steps.VerticalFlop = "),
    ("herd/augment_lists/flips/steps/VerticalFlip", 1.5, f"herd.augment_lists.flips.steps.VerticalFlip = 1.5; {MOST}"),
    ("herd/augment_lists/none/p", -1, f"herd.augment_lists.none.p = -1; {NONE}"),
    ("herd/augment_lists/none/q", 1, "unknown key herd.augment_lists.none.q; allowed here: p, steps"),
    ("prle/augment_lists", {}, "prle.augment_lists: Dictionary must have at least 1 item"),
    ("herd/augment", "nnoe", f"herd: augment = 'nnoe' does not exist, use one of {LISTS}"),
    ("herd/arms/na/augment", "nnoe", f"herd: arms.na.augment = 'nnoe' does not exist, use one of {LISTS}"),
    (
        "asrid/arms/flips_only/augment",
        "flip",
        "asrid: arms.flips_only.augment = 'flip' does not exist, use one of flips",
    ),
    ("prle/arms/prle/augment", "flips", "prle: arms.prle.augment = 'flips' does not exist, use one of none"),
    # as an earlier version wrote it
    ("herd/stages", {"full": "none"}, "unknown key herd.stages; did you mean 'phases'? allowed here: arms, augment, "),
    ("asrid/lists", {}, "unknown key asrid.lists; did you mean 'augment_lists'? allowed here: arms, augment, "),
    ("prle/augment", {"p": 1.0}, "prle.augment is not a name; define it in augment_lists, and write its name here"),
    ("herd/curriculum", ["full"], "herd.curriculum is not a name; define it in curricula, and write its name here"),
    ("herd/arms/mep/curriculum", ["full"], "herd.arms.mep.curriculum is not a name; define it in curricula"),
    ("herd/arms/mep/epochs", [2, 1], "herd.arms.mep.epochs = [2, 1]; it must be a valid integer"),
    ("prle/detectors/VGG/precision", "fp32", "unknown key prle.detectors.VGG.precision; allowed here: backbone, epoc"),
    # arms
    ("herd/arms/WL + NA", {"part": "results"}, "herd.arms: no command line can write 'WL + NA': use letters, digits"),
    ("herd/arms/na_2", {"part": "results", "name": "NA"}, "herd.arms: na and na_2 are both named 'NA'; mend that key"),
    ("herd/arms/NA", {"part": "results"}, "herd.arms: na and NA are both named 'NA'; mend that key"),
    ("asrid/arms/plateau/name", "one cycle", "asrid.arms: plateau and one_cycle are both named 'one cycle'"),
    ("prle/arms/x/name", "", "prle.arms.x.name = ''; String must have at least 1 character"),
    ("herd/arms/na/key", "na", f"unknown key herd.arms.na.key; allowed here: {ARM_KEYS}"),
    ("herd/arms/na/wieght", 2.0, f"unknown key herd.arms.na.wieght; did you mean 'weight'? allowed here: {ARM_KEYS}"),
    ("herd/arms/base/part", GONE, "missing key herd.arms.base.part"),
    ("herd/arms/rst/part", "result", "herd.arms.rst.part = 'result'; it must be 'augmentation', 'masked_eyes', 'weig"),
    ("herd/arms/base/rows", {"table3": "GenConViT"}, "herd.arms.base.rows.table3 = 'table3'; it must be 'table1' or "),
    ("herd/arms/wl/weight", -1.85, f"herd.arms.wl.weight = -1.85; {MANY}"),
    ("herd/arms/wl/epochs", 0, f"herd.arms.wl.epochs = 0; {ONE}"),
    ("herd/arms/rst/model", {"swim": "none"}, "unknown key herd.arms.rst.model.swim; did you mean 'swin'? allowed her"),
    (
        "herd/arms/rst/model",
        {"form": "hybrid"},
        "herd.arms.rst.model.form = 'hybrid'; it must be 'released', 'intended' or",
    ),
    # asrid
    ("asrid/arms/spatial/strategy", "spatail", "asrid.arms.spatial.strategy = 'spatail'; it must be 'static_old', "),
    ("asrid/arms/dyn_02/w", 1.2, f"asrid.arms.dyn_02.w = 1.2; {MOST}"),
    ("asrid/arms/dyn_02/w", GONE, "asrid.arms.dyn_02: dynamic needs w, the share of the static score, in (0, 1)"),
    (
        "asrid/arms/dyn_02/sampling",
        "pictures",
        "asrid: arms.dyn_02: dynamic judges a sequence, and sampling = 'pictures' has none",
    ),
    ("asrid/arms/spatial/w", 0.5, "asrid.arms.spatial: w = 0.5, but spatial has no dynamic score"),
    ("asrid/model/positions", 2, f"frames = {params.load().asrid.frames}, more than the model's positions = 2"),
    ("asrid/set", "smal", "asrid: set = 'smal' does not exist, use one of small, large"),
    ("asrid/arms/stanew/set", "smal", "asrid: arms.stanew.set = 'smal' does not exist, use one of small, large"),
    ("asrid/arms/plateau/schedule", "plato", "asrid.arms.plateau.schedule = 'plato'; it must be 'one_cycle'"),
    ("herd/train/bs", 1, "herd.train.bs = 1; it must be greater than or equal to 2"),
    ("asrid/arms/stanew/bs", 1, "asrid.arms.stanew.bs = 1; it must be greater than or equal to 2"),
    # prle
    ("prle/fusion/tau1", 1.3, f"prle.fusion.tau1 = 1.3; {MOST}"),
    ("prle/fusion/lam", -0.1, f"prle.fusion.lam = -0.1; {NONE}"),
    ("prle/fusion/tau2", -1, f"prle.fusion.tau2 = -1; {NONE}"),
    ("prle/fusion/method", "mean", "prle.fusion.method = 'mean'; it must be 'union', 'average', 'neighbouring' or 't"),
    ("prle/maps/of_class", "true", "prle.maps.of_class = 'true'; it must be 'fake', 'label' or 'prediction'"),
    ("prle/maps/folds", 3, "prle.maps.folds = 3; it must be 1 or 2"),
    ("prle/exploit/area", 0, "prle.exploit.area = 0; it must be greater than 0"),
    ("prle/exploit/p", 1.5, f"prle.exploit.p = 1.5; {MOST}"),
    ("prle/exploit/alpha", [-0.5, 1.0], f"prle.exploit.alpha.0 = -0.5; {NONE}"),
    ("prle/exploit/alpha", [0.0, 0.5], f"prle.exploit: alpha = [0.0, 0.5] {ENDS}"),
    ("prle/exploit/alpha", [1.0], "prle.exploit.alpha = [1.0]; List must have at least 2 items"),
    ("prle/exploit/gamma", -1, f"prle.exploit.gamma = -1; {NONE}"),
    ("prle/exploit/fill", "black", "prle.exploit.fill = 'black'; it must be 'zero' or 'noise'"),
    ("prle/zoo", ["Xceptoin"], f"prle: zoo = 'Xceptoin' does not exist, use one of {DETECTORS}"),
    ("prle/zoo", [], "prle.zoo = []; List must have at least 1 item"),
    ("prle/arms/v/zoo", ["VGG16"], f"prle: arms.v.zoo = 'VGG16' does not exist, use one of {DETECTORS}"),
    ("prle/arms/x/detectors", ["EffNet"], f"prle: arms.x.detectors = 'EffNet' does not exist, use one of {DETECTORS}"),
    ("prle/subsets/detectors", ["Meso"], f"prle: subsets.detectors = 'Meso' does not exist, use one of {DETECTORS}"),
    ("prle/subsets/methods", ["FaceFakes"], "prle.subsets.methods.0 = 'FaceFakes'; it must be 'Deepfakes', 'Face2Face"),
    ("prle/arms/backbone", GONE, "prle: arms must hold one named 'backbone', which hides nothing, of all detectors"),
    ("prle/arms/backbone/hide", "parts", "prle: arms must hold one named 'backbone', which hides nothing, of all dete"),
    ("prle/arms/prle/name", "Prle", "prle: arms must hold one named 'PRLE', which hides something, of all detectors"),
    ("prle/arms/random/hide", "boxes", "prle.arms.random.hide = 'boxes'; it must be 'nothing', 'primary', 'rectangle"),
    ("prle/arms/as_released/exploit/alpha", [0.5, 0.9], "prle: arms.as_released.exploit.alpha = [0.5, 0.9] must end a"),
    ("prle/arms/average_low/fusion/tau1", 2, f"prle.arms.average_low.fusion.tau1 = 2; {MOST}"),
    ("prle/arms/selected_on_test/select_on", "train", "selected_on_test.select_on = 'train'; it must be 'valid' or '"),
    ("prle/tests/DF-1.0", "df2", "prle.tests.DF-1.0 = 'df2'; it must be 'ffpp', 'celebdf', 'dfdc', 'df1' or 'folder'"),
]


@pytest.mark.parametrize(("path", "value", "said"), MISTAKES, ids=[f"{p}-{i}" for i, (p, *_) in enumerate(MISTAKES)])
def test_a_mistake_is_one_line_naming_the_key_and_what_is_allowed(tmp_path, path, value, said):
    with pytest.raises(InputError) as error:
        params.load(edit(tmp_path / "params.yaml", {path: value}))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_file_that_is_a_list_is_one_line(tmp_path):
    (tmp_path / "params.yaml").write_text("[1, 2]")
    with pytest.raises(InputError, match=r"the file[^\n]*; [^\n]*$"):
        params.load(tmp_path / "params.yaml")


def test_broken_yaml_names_the_line(tmp_path):
    (tmp_path / "params.yaml").write_text("profile: x\nbenchmark:\n  crf: [23\n")
    with pytest.raises(InputError, match=r"params\.yaml, line \d+: not YAML"):
        params.load(tmp_path / "params.yaml")


SMOKE = (paths.ROOT / "profiles/smoke.yaml").read_text()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (SMOKE.encode("utf-16"), "is not text in UTF-8; save it as UTF-8"),
        ("profile: für\n".encode("latin-1"), "is not text in UTF-8; save it as UTF-8"),
        (SMOKE.replace("smoke", "a\0b").encode(), "not YAML (ReaderError); copy one"),
        (b"[" * 50_000, "not YAML (RecursionError); copy one"),
        (b"profile: " + b"1" * 5000, "not YAML (ValueError); copy one"),
        (SMOKE.replace("lr: 1.0e-3", "lr: .inf").encode(), "herd.train.lr = inf; it must be a finite number"),
        (SMOKE.replace("wd: 0.05", "wd: .nan").encode(), "herd.train.wd = nan; it must be a finite number"),
    ],
    ids=["UTF-16", "Latin-1", "NUL", "nested", "5,000 digits", "infinite", "no number"],
)
def test_a_params_file_that_is_no_params_file_is_one_line(tmp_path, content, said):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(InputError) as e:
        params.load(tmp_path / "params.yaml")
    assert said in str(e.value) and "\n" not in str(e.value)


def test_missing_profile_says_how_to_get_one(tmp_path):
    with pytest.raises(InputError, match=r"no such params file; copy one: cp profiles/smoke\.yaml params\.yaml"):
        params.load(tmp_path / "absent.yaml")


def test_numbers_are_read_as_dvc_reads_them(tmp_path):
    file = edit(tmp_path / "params.yaml", {"herd/train/lr": "HERE"})
    file.write_text(file.read_text().replace("HERE", "1e-5"))
    assert params.load(file).herd.train.lr == 1e-5


def test_an_arm_says_only_what_it_changes():
    arm = params.Arm(part="results", augment="none", epochs=3, model=params.ModelChange(swin="none"))
    assert arm.model_dump(exclude_none=True, exclude_defaults=True) == {
        "part": "results", "augment": "none", "epochs": 3, "model": {"swin": "none"}
    }  # fmt: skip


def test_the_list_without_steps_and_the_removed_branch_are_not_the_words_for_nothing():
    herd = params.load(paths.PARAMS).herd
    assert herd.augment_lists["none"].steps == {} and herd.arms["RST"].model.swin == "none"
    assert herd.arms["NA"].augment == "none" and herd.phases["full"] == "none"
