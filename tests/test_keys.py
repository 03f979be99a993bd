"""Every input of a fit changes its key, and nothing else does. What is an input is said here, not asked of the code."""

import functools
import itertools
import shutil

import key_inputs
import numpy as np
import pandas as pd
import pytest
import torch
from key_inputs import FIT, changed, keys_of, leaves
from ruamel.yaml import YAML

from ddet import codeid, isa, params, paths
from ddet.codeid import closure, code_id
from ddet.data import crop_table, crops
from ddet.runs import starts
from ddet.runs import store as run_store

PAPERS = ("herd", "asrid", "prle", "compared")  # the last: what PRLE compares with, a part of its section
TRAIN = {
    "train/epochs": 7, "train/bs": 6, "train/lr": 2e-4, "train/wd": 0.5, "train/opt": "sgd", "train/schedule": "step",
    "train/step_epochs": 9, "train/step_gamma": 0.5, "train/precision": "bf16", "train/channels_last": True,
    "train/select": "accuracy",
}  # fmt: skip
LISTS = {
    "augment": "none", "augment_lists/flips/p": 0.31, "augment_lists/flips/steps/HorizontalFlip": 0.32,
    "augment_lists/flips/steps": {"VerticalFlip": 0.5, "HorizontalFlip": 0.5},
}  # fmt: skip
ARM = {"augment": "none", "epochs": 8, "bs": 5, "lr": 3e-4, "wd": 0.3}
# What a fit reads, as path -> another value.
READ = {
    "herd": {
        **TRAIN, **LISTS, "augment_lists/flips/steps/VerticalFlip": 0.33, "dataset": "celebdf", "split": "clip",
        "per_class": 2, "scored": 2, "imbalance": 1.5, "weight": 3.0, "weighted_class": "real",
        "phases/full": "eyes", "phases/masked": "none", "curriculum": "plain",
        "curricula/mep/phases": ["full", "masked"],
        "curricula/mep/epochs": [4, 5], "model/name": "genconvit_ed", "model/backbone": "test_convnext",
        "model/size": 48, "model/form": "intended", "model/swin": "slim_swin", "model/width": 2,
        **{f"arms/one/{key}": value for key, value in ARM.items()}, "arms/one/curriculum": "plain",
        "arms/one/weight": 4.0, "arms/one/weighted_class": "real", "arms/one/imbalance": 2.5, "arms/one/split": "clip",
        **{f"arms/one/model/{key}": value for key, value in
           {"name": "genconvit_ed", "backbone": "test_convnext", "form": "intended", "swin": "slim_swin",
            "width": 2}.items()},
    },
    "asrid": {
        **TRAIN, **LISTS, "dataset": "celebdf", "split": "clip", "sets/small/train": 7, "sets/small/valid": 3,
        "sets/small/test": 3, "set": "large", "frames": 4, "sampling": "pictures", "short": "pad", "scaling": "raw",
        "augment_per": "clip", "model/backbone": "lite0_stride8", "model/size": 48, "model/width": 32,
        "model/mode": "code", "model/heads": 2, "model/layers": 2, "model/layer_heads": 2, "model/hidden": 4,
        "model/dropout": 0.25, "model/positions": 9, "model/maps": 3,
        **{f"arms/one/{key}": value for key, value in ARM.items()}, "arms/one/strategy": "static_new",
        "arms/one/axis_bug": True, "arms/one/set": "large", "arms/one/mode": "code", "arms/one/dataset": "celebdf",
        "arms/one/split": "clip", "arms/one/sampling": "pictures", "arms/one/augment_per": "clip",
        "arms/one/rates": {"backbone": 0.1}, "arms/one/accumulate": 2, "arms/one/schedule": "plateau",
    },
    "prle": {
        **TRAIN, **LISTS, "split": "clip", "tests/DFDC": "celebdf", "per_class": 2, "scored": 2, "size": 48,
        "detectors/Xception/name": "f3net", "detectors/Xception/backbone": "slim_xception",
        "detectors/Xception/layers": ["layer2"], "detectors/Xception/lr": 4e-4, "detectors/Xception/epochs": 4,
        "detectors/EfficientNet/name": "f3net", "detectors/EfficientNet/backbone": "slim_xception",
        "detectors/EfficientNet/layers": ["blocks.1"], "detectors/EfficientNet/lr": 4e-4,
        "detectors/EfficientNet/epochs": 4, "zoo": ["Xception"], "maps/of_class": "label", "maps/folds": 2,
        "maps/dealt": True, "fusion/method": "average", "fusion/tau1": 0.4, "fusion/lam": 0.2, "fusion/tau2": 0.1,
        "exploit/area": 0.2, "exploit/p": 0.6, "exploit/alpha": [0.5, 1.0], "exploit/gamma": 2.0,
        "exploit/fill": "noise",
        **{f"arms/backbone/{key}": value for key, value in ARM.items()}, "arms/backbone/select_on": "test",
        **{f"arms/PRLE/{key}": value for key, value in ARM.items()}, "arms/PRLE/select_on": "test",
        "arms/PRLE/hide": "parts", "arms/PRLE/zoo": ["Xception"], "arms/PRLE/maps/of_class": "label",
        "arms/PRLE/maps/folds": 2, "arms/PRLE/maps/dealt": True, "arms/PRLE/fusion/method": "average",
        "arms/PRLE/fusion/tau1": 0.4, "arms/PRLE/fusion/lam": 0.2, "arms/PRLE/fusion/tau2": 0.1,
        "arms/PRLE/exploit/area": 0.2, "arms/PRLE/exploit/p": 0.6, "arms/PRLE/exploit/alpha": [0.5, 1.0],
        "arms/PRLE/exploit/gamma": 2.0, "arms/PRLE/exploit/fill": "noise",
    },
}  # fmt: skip
OTHER = "compared/detectors/CADDM"
READ["compared"] = {
    **TRAIN, **LISTS, **{key: READ["prle"][key] for key in ("split", "tests/DFDC", "per_class", "scored", "size")},
    f"{OTHER}/name": "timm", f"{OTHER}/backbone": "slim_xception", f"{OTHER}/width": 2, f"{OTHER}/size": 48,
    f"{OTHER}/augment": "none",
    **{f"{OTHER}/{key.partition('/')[2]}": value for key, value in TRAIN.items()
       if key.partition("/")[2] not in ("precision", "channels_last", "select")},
}  # fmt: skip
# What it does not read: captions, how many seeds there are, and what belongs to other fits.
FREE = {
    "herd": {
        "seeds": 3, "arms/one/name": "Another", "arms/one/seeds": 2, "arms/one/part": "results",
        "arms/one/rows": {"table1": "Ours"}, "augment_lists/none/p": 0.2, "augment_lists/turn/p": 0.2,
        "augment_lists/turn/steps/RandomRotate90": 0.7, "augment_lists/none/steps": {"HorizontalFlip": 1.0},
        "curricula/plain/phases": ["masked"], "curricula/plain/epochs": [9], "sweep/classes": ["real"],
        "sweep/weights": [7.0], "sweep/imbalance": [3.0], "sweep/seeds": 2, "leaky/splits": ["clip"], "leaky/seeds": 2,
    },
    "asrid": {
        "seeds": 3, "arms/one/name": "Another", "arms/one/seeds": 2, "arms/one/part": "dynamic",
        "arms/one/rows": {"table2": "Dyn"}, "arms/one/synthetic": True, "augment_lists/none/p": 0.2,
        "augment_lists/none/steps": {"HorizontalFlip": 1.0}, "sets/large": {"train": 2},
    },
    "prle": {
        "seeds": 3, "augment_lists/none/p": 0.2, "augment_lists/none/steps": {"HorizontalFlip": 1.0},
        "tests": {"another caption": "dfdc", "DF-1.0": "df1", "Celeb-DF": "celebdf"},
        "arms/backbone/seeds": 2, "arms/PRLE/seeds": 2, "detectors/ResNet-50/name": "f3net",
        "detectors/ResNet-50/backbone": "lite0_stride8", "detectors/ResNet-50/layers": [],
        "detectors/ResNet-50/lr": 0.1,
        "detectors/ResNet-50/epochs": 9, "subsets/methods": ["FaceSwap"], "subsets/detectors": ["EfficientNet"],
        "subsets/per_class": 2, "subsets/seeds": 2,
        **{f"arms/backbone/{key}": value for key, value in
           {"zoo": ["Xception"], "maps/of_class": "label", "maps/folds": 2, "maps/dealt": True,
            "fusion/method": "average", "fusion/tau1": 0.4, "fusion/lam": 0.2, "fusion/tau2": 0.1,
            "exploit/area": 0.2, "exploit/p": 0.6, "exploit/alpha": [0.5, 1.0], "exploit/gamma": 2.0,
            "exploit/fill": "noise"}.items()},
    },
}  # fmt: skip
FREE["prle"] |= {"compared/seeds": 2, "compared/detectors": {"CViT": {"name": "timm", "backbone": "slim_resnet"}}}
FREE["compared"] = {
    key: value for key, value in {**READ["prle"], **FREE["prle"]}.items()
    if key not in READ["compared"] and key != "compared/detectors"
}  # fmt: skip
# Keys that the checks of a section hold to one value, or that are perturbed as a whole above.
HELD = {
    "herd": {"arms/one/model"},
    "asrid": {"arms/one/w"},
    "prle": {"tests/DF-1.0", "tests/Celeb-DF", "arms/backbone/hide", "arms/backbone/detectors", "arms/PRLE/detectors",
             "arms/backbone/name", "arms/PRLE/name"},
}  # fmt: skip
HELD["compared"] = HELD["prle"]
LIBRARIES = ("torch", "fastai", "timm", "albumentations", "albucore", "opencv-python-headless", "numpy")
FACES = {
    "clip_id": None, "frame_idx": 5, "track": 3, "sha": "0" * 12, "label": None, "size": 41,
    **{f"lm_{axis}{k}": 3.25 for axis in "xy" for k in range(5)},
}  # fmt: skip
UNREAD = {"faces": ["crop", "prob", "x0", "y1", "box_x0", "box_y1"], "clips": ["path", "frames", "original"]}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    root = tmp_path_factory.mktemp("faces")
    key_inputs.write_tables(root)
    key_inputs.write_starts(root)
    return root


@pytest.fixture(autouse=True, scope="module")
def known_starts(tables):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(starts.start_of, "__defaults__", (tables / "starts.csv",))
        yield


@pytest.fixture(scope="module")
def kept() -> dict[str, functools.cache]:
    return {"code": functools.cache(lambda names: code_id(list(names))), "load": functools.cache(crop_table.load)}


@pytest.fixture
def faces(tables, kept, monkeypatch):
    """Return the tables as they are; they are read, and the sources are hashed, once."""
    monkeypatch.setattr(run_store, "code_id", lambda names: kept["code"](tuple(names)))
    monkeypatch.setattr(crop_table, "load", kept["load"])
    return tables


@pytest.fixture
def base(faces) -> dict[str, set[str]]:
    return of_every_paper(faces)


def of_every_paper(faces, **runtime) -> dict[str, set[str]]:
    return {paper: keys_of(paper, getattr(key_inputs, paper)(), faces, **runtime) for paper in PAPERS}


def other(before: dict, after: dict) -> list[str]:
    return [paper for paper in PAPERS if before[paper] != after[paper]]


def rekeyed(paper: str, path: str, value, faces) -> set[str]:
    if path.startswith("arms/one/model/"):
        path, value = "arms/one/model", {path.rpartition("/")[2]: value}
    return keys_of(paper, changed(getattr(key_inputs, paper)(), path, value), faces)


# params


@pytest.mark.parametrize("paper", PAPERS)
def test_each_key_of_params_that_a_fit_reads_changes_its_key(base, faces, paper):
    missed = [path for path, value in READ[paper].items() if rekeyed(paper, path, value, faces) == base[paper]]
    assert missed == [] and len(base[paper]) == 1


@pytest.mark.parametrize("paper", PAPERS)
def test_no_other_key_of_params_changes_it(base, faces, paper):
    touched = [path for path, value in FREE[paper].items() if rekeyed(paper, path, value, faces) != base[paper]]
    assert touched == []


@pytest.mark.parametrize("paper", PAPERS)
def test_every_key_of_a_section_is_in_one_of_the_two_lists(paper):
    """A new key fails here until someone says whether a fit reads it."""
    every = {"/".join(leaf) for leaf in leaves(getattr(key_inputs, paper)())}
    told = {*READ[paper], *FREE[paper]}
    assert not set(READ[paper]) & set(FREE[paper])
    open_keys = {path for path in every - HELD[paper] if not any(f"{path}/".startswith(f"{t}/") for t in told)}
    assert open_keys == set()


def test_the_other_sections_of_a_params_file_have_no_say():
    """They shape tables and start weights, whose hashes are in the key; the code that plans fits never sees them."""
    tree = YAML(typ="safe").load((paths.ROOT / "profiles/smoke.yaml").read_text())
    assert set(tree) - set(PAPERS) == {
        "profile", "runtime", "benchmark", "data", "faces", "splits", "start", "report", "robustness",
    }  # fmt: skip


def test_the_share_of_the_static_score_changes_the_key_of_a_fit_with_two(faces):
    two = changed(key_inputs.asrid(), "arms/one/strategy", "dynamic_mix")
    assert len(set().union(*(keys_of("asrid", changed(two, "arms/one/w", w), faces) for w in (0.7, 0.8)))) == 2


def test_seeds_have_keys_of_their_own(faces):
    section = changed(key_inputs.herd(), "seeds", 3)
    assert len(keys_of("herd", section, faces)) == 1
    cfg = key_inputs.params.Herd(**section)
    given = key_inputs.herd_arms.inputs(cfg, cfg.arms, faces)
    store = key_inputs.Unmade("a", key_inputs.herd_arms.CODE, {}, faces)
    assert len({store.key(row.phases[0]) for row in key_inputs.herd_arms.plan(cfg, cfg.arms, given)}) == 3


# data


@pytest.fixture
def own(tables, tmp_path):
    """Return a copy of the tables, to change."""
    return shutil.copytree(tables, tmp_path / "faces")


def edited(faces, table: str, column: str, edit) -> None:
    path = faces / f"{table}.parquet"
    frame = pd.read_parquet(path)
    frame[column] = edit(frame)
    frame.to_parquet(path, index=False)


def hashes(faces) -> dict[str, dict[str, str]]:
    return {paper: key_inputs.hashes_of(paper, faces) for paper in PAPERS}


@pytest.fixture(scope="module")
def before(tables) -> dict[str, dict[str, str]]:
    return hashes(tables)


@pytest.mark.parametrize(("column", "split"), zip(FACES, itertools.cycle(["train", "valid", "test"]), strict=False))
def test_one_value_of_one_crop_changes_the_data_hash(before, own, column, split):
    """Of the first real crop of FF++ in a split: its pixels by their hash, its label, where its landmarks are."""
    splits = pd.read_parquet(own / "splits.parquet")
    real = splits[splits["clip_id"].str.startswith("ffpp/real") & (splits["split"] == split)]
    clips = {real.loc[real["protocol"] == how, "clip_id"].iloc[0] for how in ("identity", "official")}

    def edit(frame):
        hit = frame["clip_id"].isin(clips) & (frame["frame_idx"] == 0)
        assert hit.sum() == len(clips)
        if column == "clip_id":  # the crop is told to be of another clip of that person
            return frame[column].mask(hit, frame[column].str.replace("/real/", "/Deepfakes/"))
        return frame[column].mask(hit, 1 - frame["label"] if column == "label" else FACES[column])

    edited(own, "faces", column, edit)
    assert other(before, hashes(own)) == list(PAPERS)


def test_another_split_or_group_of_one_clip_changes_the_data_hash(before, own):
    clip = "ffpp/real/-/000"
    edited(own, "clips", "group", lambda t: t["group"].mask(t["clip_id"] == clip, "ffpp:another"))
    grouped = hashes(own)
    assert other(before, grouped) == list(PAPERS)
    edited(own, "splits", "split", lambda t: t["split"].mask(t["clip_id"] == clip, "valid"))
    assert other(grouped, hashes(own)) == list(PAPERS)


def test_one_crop_less_changes_the_data_hash(before, own):
    frame = pd.read_parquet(own / "faces.parquet")
    gone = (frame["clip_id"] == "ffpp/real/-/000") & (frame["frame_idx"] == 1)
    frame[~gone].to_parquet(own / "faces.parquet", index=False)
    assert gone.sum() == 1 and other(before, hashes(own)) == list(PAPERS)


def test_columns_that_no_fit_reads_and_the_order_of_the_table_change_nothing(before, own):
    for table, columns in UNREAD.items():
        for column in columns:
            edited(own, table, column, lambda t, c=column: "elsewhere" if t[c].dtype == object else 77)
    edited(own, "splits", "reason", lambda t: "said otherwise")
    frame = pd.read_parquet(own / "faces.parquet")
    frame.sample(frac=1, random_state=1).to_parquet(own / "faces.parquet", index=False)
    assert other(before, hashes(own)) == []


def test_one_pixel_has_another_hash():
    image = np.zeros((4, 4, 3), np.uint8)
    before = crops.digest(image)
    image[3, 3, 2] = 1
    assert crops.digest(image) != before


def test_start_weights_change_the_key_by_their_bytes_and_not_by_their_place(base, faces, tmp_path, monkeypatch):
    text = (faces / "starts.csv").read_text()
    for file in faces.glob("*.safetensors"):
        shutil.copy(file, tmp_path)
    monkeypatch.setattr(starts.start_of, "__defaults__", (tmp_path / "starts.csv",))
    (tmp_path / "starts.csv").write_text(text.replace(f",{faces}/", f",{tmp_path}/"))
    assert other(base, of_every_paper(faces)) == []
    (tmp_path / "starts.csv").write_text(text.replace("key_of_", "other_"))
    assert other(base, of_every_paper(faces)) == list(PAPERS)


@pytest.mark.parametrize(
    ("table", "column", "method"), [("faces", "x0", "Deepfakes"), ("clips", "original", "FaceSwap")]
)
def test_what_a_network_is_supplied_with_changes_its_key_and_no_other(base, own, table, column, method):
    """The square of a fake, or the clip that it was forged from: where it has no original frame it is left out."""
    other_one = {"x0": -1.0, "original": "elsewhere"}[column]
    edited(own, table, column, lambda t: t[column].mask(t["clip_id"] == f"ffpp/{method}/-/000", other_one))
    assert other(base, of_every_paper(own)) == ["compared"]


# machine, libraries, code


@pytest.mark.parametrize("change", [{"threads": 2}, {"device": "cuda"}, {"isa": "native"}, {"processes": 2}])
def test_what_changes_bits_changes_the_key(base, faces, monkeypatch, change):
    monkeypatch.setattr(isa, "missing", lambda: "")  # on a machine without AVX2 both words mean the same
    assert other(of_every_paper(faces), of_every_paper(faces, **change)) == list(PAPERS)


def test_how_many_work_at_a_time_does_not(base, faces):
    assert other(base, of_every_paper(faces, jobs=2, backend="loky", workers=3, fits=2)) == []


def test_where_the_preparation_works_does_not(base, faces):
    """A cluster makes the same crops, and no fit runs on it."""
    assert other(base, of_every_paper(faces, backend="dask", scheduler="tcp://elsewhere:8786")) == []


def test_auto_is_the_device_that_there_is(base, faces, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert keys_of("herd", key_inputs.herd(), faces, device="auto") == base["herd"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert keys_of("herd", key_inputs.herd(), faces, device="auto") != base["herd"]


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_version_of_a_library_that_computes_changes_the_key(tmp_path, monkeypatch, name):
    def key() -> str:
        return run_store.Store("a", ["ddet.seeds"], {}, tmp_path).key({})

    real, before = run_store.version, key()
    monkeypatch.setattr(run_store, "version", lambda asked: "0.0" if asked == name else real(asked))
    assert key() != before


def test_the_place_of_the_runs_and_the_name_of_the_stage_do_not_change_it(tmp_path):
    made = [
        run_store.Store("a", ["ddet.seeds"], {}, tmp_path),
        run_store.Store("b", ["ddet.seeds"], {}, tmp_path / "c"),
    ]
    assert len({store.key({"lr": 1}) for store in made}) == 1


CODE = {
    "ddet.herd.train": "herd.train herd.weighted_loss training.callbacks training.checkpoint training.norms",
    "ddet.asrid.train": "asrid.train models.asrid models.asrid_parts data.clip_loader training.schedules",
    "ddet.prle.train_compared": """prle.train_compared data.supplied_loader data.forged data.originals data.video
        training.supply training.norms""",
    "ddet.herd.train_compared": "herd.train_compared herd.weighted_loss data.supplied_loader training.supply",
    "ddet.prle.train": """prle.train prle.exploit prle.controls prle.coverage prle.map_store
        data.region_loader data.landmarks""",
}
SHARED = (
    "training.common training.learner models models.lite models.slim data.augment data.crop_loader data.crops seeds"
)
WORDS = """params params.herd errors paths runs.store runs.planned runs.locks runs.finished herd.arms asrid.arms
    prle.arms prle.compared herd.compared models.needs report.tables stats.metrics nbrun params.networks"""


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Hash a copy of the package's sources, which a test may change."""
    root = shutil.copytree(paths.ROOT / "ddet", tmp_path / "ddet", ignore=shutil.ignore_patterns("__pycache__"))
    real = codeid._file

    def file(name):
        found = real(name)
        return found and root / found.relative_to(paths.ROOT / "ddet")

    monkeypatch.setattr(codeid, "_file", file)
    return lambda names: [file(f"ddet.{name}") for name in names.split()]


@pytest.mark.parametrize("train", CODE)
def test_code_that_computes_a_fit_changes_the_key_and_its_words_do_not(copied, train):
    before = code_id([train])
    for file in copied(f"{CODE[train]} {SHARED}"):
        text = file.read_text()
        file.write_text(f"{text}\n\n# A comment.\n")
        assert code_id([train]) == before, file
        file.write_text(f"{text}\nPERTURBED = 1\n")
        assert code_id([train]) != before, file
        file.write_text(text)


@pytest.mark.parametrize("train", CODE)
def test_code_that_only_plans_stores_and_reports_changes_no_key(copied, train):
    before = code_id([train])
    for file in copied(WORDS):
        file.write_text(f"{file.read_text()}\nPERTURBED = 1\n")
    assert code_id([train]) == before


@pytest.mark.parametrize("name", params.NETWORKS)
def test_the_code_of_its_own_network_changes_a_key_and_that_of_others_does_not(copied, tmp_path, name):
    def key() -> str:
        return run_store.Store("a", ["ddet.herd.train"], {}, tmp_path).key({"model": {"name": name}})

    before, own = key(), params.NETWORKS[name]
    for module in sorted({"ddet.models.asrid", *params.NETWORKS.values()}):
        (file,) = copied(module.removeprefix("ddet."))
        text = file.read_text()
        file.write_text(f"{text}\nPERTURBED = 1\n")
        assert (key() != before) is (module in closure([own])), module
        file.write_text(text)


def test_a_fit_of_prle_follows_the_code_that_makes_its_maps(copied, faces, monkeypatch):
    monkeypatch.setattr(run_store, "code_id", code_id)
    before = keys_of("prle", key_inputs.prle(), faces)
    (file,) = copied("prle.localise")
    file.write_text(f"{file.read_text()}\nPERTURBED = 1\n")
    assert keys_of("prle", key_inputs.prle(), faces) != before, f"of {FIT}"
