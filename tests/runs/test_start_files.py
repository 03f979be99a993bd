"""Files of start weights: made where their recipe is another, kept where it is the same, keyed by their bytes."""

import errno
import hashlib

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from toys import RUNTIME

from ddet import models, params
from ddet.errors import InputError
from ddet.hashing import digest
from ddet.runs import start_files, starts
from ddet.training import pretraining, start_weights
from ddet.training.learner import WEIGHTS

TRAIN = params.Train(
    epochs=1, bs=4, lr=1e-2, wd=0.0, opt="adam", schedule="flat", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip
SOURCES = {"lite0_stride16": "package", "slim_vgg": "distilled", "slim_resnet": "renderer", "vgg11": "timm"}
SOURCES |= {"test_vit": "none"}
READ = ("seed", "images", "identities", "size", "train")  # by what is trained


def config(**changes) -> params.Start:
    base = {"backbones": SOURCES, "weights": None, "seed": 3, "images": 8, "identities": 2, "size": 32}
    return params.Start(**{**base, "train": TRAIN, **changes})


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """Count the backbones that are made; each has another number in its weights, and what is trained has a table."""
    names = []

    def stand_in(cfg, backbone, out, runtime):
        names.append(backbone)
        out.mkdir(parents=True, exist_ok=True)
        (out / WEIGHTS).write_bytes(safetensors.torch.save({"w": torch.tensor([len(names)])}))
        (out / "resume").mkdir()  # as a fit leaves it
        if cfg.backbones[backbone] in ("distilled", "renderer"):
            (out / pretraining.EXPLAINED).write_text("target,r2\n")

    monkeypatch.setattr(start_weights, "start_weights", stand_in)
    return names


def prepare(folder, only=tuple(SOURCES), **changes):
    return start_files.prepare(config(**changes), list(only), RUNTIME, folder)


def test_a_row_names_source_key_and_file_and_nothing_else_is_left(tmp_path, made):
    table = prepare(tmp_path / "start").set_index("backbone")
    assert made == ["lite0_stride16", "slim_vgg", "slim_resnet", "vgg11"]
    assert table["source"].to_dict() == SOURCES
    assert table.loc["test_vit", ["key", "file"]].tolist() == ["", ""]
    there = sorted(p.relative_to(tmp_path / "start").as_posix() for p in (tmp_path / "start").rglob("*"))
    assert there == [
        "lite0_stride16.safetensors", "slim_resnet.csv", "slim_resnet.safetensors", "slim_vgg.csv",
        "slim_vgg.safetensors", "timm", "timm/vgg11.safetensors",
    ]  # fmt: skip
    for name in made:
        bytes_ = (tmp_path / "start" / ("timm" * (name == "vgg11")) / f"{name}.safetensors").read_bytes()
        key = table.loc[name, "key"]
        assert key == digest(bytes_) and hashlib.sha256(bytes_).hexdigest().startswith(key)
    assert table["key"].nunique() == 5, "four files differ, one network has none"


def test_start_of_reads_what_was_prepared(tmp_path, made):
    prepare(tmp_path / "start").to_csv(tmp_path / "table.csv", index=False)
    path, key = starts.start_of("slim_vgg", tmp_path / "table.csv")
    assert path == tmp_path / "start/slim_vgg.safetensors" and key == digest(path.read_bytes())
    assert starts.start_of("test_vit", tmp_path / "table.csv") == (None, "")


def test_the_recipe_stands_in_the_header(tmp_path, made):
    prepare(tmp_path)
    for name, source in SOURCES.items():
        if source == "none":
            continue
        file = start_files.file_of(name, source, tmp_path)
        with safe_open(file, "pt") as weights:
            recipe = weights.metadata()["recipe"]
        assert recipe == start_files.recipe_of(file) == start_files.asked(config(), name)
        assert f'"{source}"' in recipe and ('"seed"' in recipe) is (source in ("distilled", "renderer"))


def test_files_of_the_same_recipe_are_kept_as_they_are(tmp_path, made):
    first = prepare(tmp_path)
    before = {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()}
    made.clear()
    assert prepare(tmp_path).equals(first) and made == []
    assert before == {p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"seed": 4}, ["slim_vgg", "slim_resnet"]),
        ({"images": 9}, ["slim_vgg", "slim_resnet"]),
        ({"identities": 3}, ["slim_vgg", "slim_resnet"]),
        ({"size": 64}, ["slim_vgg", "slim_resnet"]),
        ({"train": TRAIN.model_copy(update={"epochs": 2})}, ["slim_vgg", "slim_resnet"]),
        ({"weights": "elsewhere"}, ["vgg11"]),
        ({"backbones": SOURCES | {"slim_vgg": "renderer"}}, ["slim_vgg"]),
    ],
)
def test_another_recipe_makes_again_what_reads_it(tmp_path, made, change, again):
    first = prepare(tmp_path).set_index("backbone")["key"]
    made.clear()
    second = prepare(tmp_path, **change).set_index("backbone")["key"]
    assert made == again
    assert second[second != first].index.tolist() == again, "the bytes of the others, and so their fits, stay"


def test_a_source_without_a_table_removes_that_of_the_one_before(tmp_path, made):
    prepare(tmp_path, ["slim_vgg"])
    assert (tmp_path / "slim_vgg.csv").is_file()
    prepare(tmp_path, ["slim_vgg"], backbones={"slim_vgg": "package"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["slim_vgg.safetensors"]


def test_a_killed_fit_of_another_recipe_is_not_gone_on_with(tmp_path, monkeypatch):
    """The checkpoint of a fit knows its settings, but not the size or the number of people of its pictures."""
    found = []

    def killed(cfg, backbone, out, runtime):
        found.append(sorted(p.name for p in out.glob("*")))
        out.mkdir(parents=True, exist_ok=True)
        (out / f"size {cfg.size}").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(start_weights, "start_weights", killed)
    for size in (32, 64, 32):
        with pytest.raises(KeyboardInterrupt):
            prepare(tmp_path, ["slim_vgg"], size=size)
    assert found == [[], [], ["size 32"]]


@pytest.mark.parametrize("damage", ["removed", "cut", "without a recipe"])
def test_a_file_that_says_no_recipe_is_made_again(tmp_path, made, damage):
    prepare(tmp_path, ["slim_vgg"])
    file = tmp_path / "slim_vgg.safetensors"
    if damage == "removed":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:20])
    else:
        file.write_bytes(safetensors.torch.save({"w": torch.zeros(1)}))
    prepare(tmp_path, ["slim_vgg"])
    assert made == ["slim_vgg"] * 2 and start_files.recipe_of(file) == start_files.asked(config(), "slim_vgg")


def test_only_those_that_are_asked_for_are_made(tmp_path, made):
    assert prepare(tmp_path, ["slim_resnet"])["backbone"].tolist() == made == ["slim_resnet"]


@pytest.mark.parametrize("named", [True, False])
def test_a_full_disk_is_one_line(tmp_path, monkeypatch, named):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", *["here.safetensors"] * named)

    monkeypatch.setattr(start_weights, "start_weights", full)
    place = r"^here\.safetensors" if named else f"^{tmp_path}"
    said = place + r": cannot be written \(No space left on device\); free the place, then rerun$"
    with pytest.raises(InputError, match=said):
        prepare(tmp_path, ["slim_vgg"])


def test_packaged_weights_are_put_in_place_and_start_their_network(tmp_path):
    table = prepare(tmp_path, ["lite0_stride16"])
    file = tmp_path / "lite0_stride16.safetensors"
    models.load_backbone(models.make_backbone("lite0_stride16", num_classes=2), file)
    assert table["key"].tolist() == [digest(file.read_bytes())]
    assert list(tmp_path.iterdir()) == [file]
    key = prepare(tmp_path / "other", ["lite0_stride16"])["key"].tolist()
    assert key == table["key"].tolist(), "the same weights elsewhere have the same key"
