"""Start weights: from a package, from the renderer's labels, from a file of timm's, or one clear line."""

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import timm
import torch
from toys import RUNTIME

from ddet import models, params
from ddet.errors import InputError
from ddet.models import lite
from ddet.training import start_weights
from ddet.training.learner import save_weights

TRAIN = params.Train(
    epochs=4, bs=16, lr=1e-2, wd=0.0, opt="adam", schedule="one_cycle", step_epochs=1, step_gamma=1.0,
    precision="fp32", channels_last=False, select="valid_loss",
)  # fmt: skip


def config(**changes) -> params.Start:
    base = {"backbones": {"test_convnext": "renderer"}, "weights": None, "seed": 3, "images": 120}
    return params.Start(**{**base, "identities": 10, "size": 32, "train": TRAIN, **changes})


class Renderer:
    """Stand in for the renderer: the grey of an image is the first target, the others are noise."""

    def __init__(self):
        self.asked = []

    def __call__(self, n, seed, size, identities):
        self.asked.append((n, seed, size, identities))
        rng = np.random.default_rng(seed)
        grey = rng.uniform(30, 220, n).astype(np.float32)
        images = np.repeat(grey.astype(np.uint8), size * size * 3).reshape(n, size, size, 3)
        noise = rng.normal(size=(n, len(start_weights.TARGETS) - 1))
        return images, np.column_stack([5 + 0.1 * grey, noise]).astype(np.float32)


def test_pretraining_learns_what_can_be_learnt_and_keeps_the_backbone_alone(tmp_path):
    renderer = Renderer()
    table = start_weights.pretrain_backbone(config(), "test_convnext", tmp_path, RUNTIME, renderer)
    assert table["target"].tolist() == list(start_weights.TARGETS)
    assert table["r2"][0] > 0.5
    assert table["r2"][1:].max() < 0.3
    assert table["mean"][0] == pytest.approx(5 + 0.1 * 125, abs=1.5)
    assert pd.read_csv(tmp_path / "explained.csv").shape == table.shape
    (n, seed, size, seen), (held, other, _, unseen) = renderer.asked
    assert (n, held, size) == (120, 24, 32)
    assert seed != other
    assert not set(seen) & set(unseen)
    saved = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    own = timm.create_model("test_convnext").state_dict()
    assert set(own) - set(saved) == {"head.fc.weight", "head.fc.bias"} and not set(saved) - set(own)
    assert {value.dtype for value in saved.values()} == {torch.float16}


def test_pretrained_weights_start_a_network(tmp_path):
    start_weights.pretrain_backbone(config(images=32), "test_convnext", tmp_path, RUNTIME, Renderer())
    cfg = params.Model(name="genconvit_ed", backbone="test_convnext", size=32, form="released", swin=None, width=4)
    model = models.create(cfg, tmp_path / "weights.safetensors")
    saved = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    assert torch.equal(model.backbone.stem[0].weight, saved["stem.0.weight"].float())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_pretraining_twice_gives_the_same_bits(tmp_path):
    for name in "ab":
        start_weights.pretrain_backbone(config(images=32), "test_convnext", tmp_path / name, RUNTIME, Renderer())
    assert len({(tmp_path / name / "weights.safetensors").read_bytes() for name in "ab"}) == 1


def test_faces_are_rendered_once_for_all_backbones(tmp_path):
    start_weights.rendered.cache_clear()
    sources = {"test_convnext": "renderer", "test_resnet": "renderer", "slim_vit": "distilled"}
    cfg = config(backbones=sources, images=10, identities=5, train=TRAIN.model_copy(update={"epochs": 1}))
    try:
        for backbone in sources:
            start_weights.start_weights(cfg, backbone, tmp_path / backbone, RUNTIME)
        seen = start_weights.rendered.cache_info()
    finally:
        start_weights.rendered.cache_clear()
    assert (seen.misses, seen.hits) == (2, 4), "one batch to train on and one to test on, whatever the task"
    found = [safetensors.torch.load_file(p) for p in sorted(tmp_path.glob("*/weights.safetensors"))]
    assert len({frozenset(tensors) for tensors in found}) == 3
    explained = [pd.read_csv(tmp_path / backbone / "explained.csv") for backbone in sources]
    assert [len(table) for table in explained] == [len(start_weights.TARGETS)] * 2 + [1], "each by its own task"


@pytest.mark.parametrize("fits", [1, 2])
def test_several_fits_at_a_time_show_no_progress(tmp_path, capsys, fits):
    runtime, train = RUNTIME.model_copy(update={"fits": fits}), TRAIN.model_copy(update={"epochs": 1})
    start_weights.pretrain_backbone(config(images=32, train=train), "test_convnext", tmp_path, runtime, Renderer())
    assert ("valid_loss" in capsys.readouterr().err) is (fits == 1)


@pytest.mark.parametrize("backbone", ["test_convnext", "vgg11"])
def test_a_backbone_without_a_source_is_one_line(tmp_path, backbone):
    said = rf"^start\.backbones\.{backbone}: names no source; such networks begin at random$"
    with pytest.raises(InputError, match=said):
        start_weights.start_weights(config(backbones={"test_convnext": "none"}), backbone, tmp_path, RUNTIME)
    assert not list(tmp_path.iterdir())


# from the package


@pytest.mark.parametrize("backbone", lite.NAMES)
def test_packaged_weights_are_the_published_ones_in_half_precision(tmp_path, backbone):
    cfg = config(backbones={backbone: "package"})
    assert start_weights.start_weights(cfg, backbone, tmp_path / "out", RUNTIME) is None
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["weights.safetensors"]
    saved, published = safetensors.torch.load_file(tmp_path / "out/weights.safetensors"), lite.published()
    model = models.make_backbone(backbone)
    assert set(model.state_dict()) - set(saved) == models.classifier_keys(model) and set(saved) < set(published)
    for name, value in saved.items():
        whole = published[name]
        assert torch.equal(value, whole.half() if whole.is_floating_point() else whole), name
    models.load_backbone(model, tmp_path / "out/weights.safetensors")
    assert torch.equal(model.conv_stem.weight, saved["conv_stem.weight"].float())


@pytest.mark.parametrize(
    ("backbone", "first"),
    [
        ("slim_resnet", r"conv1\.0\.weight"),
        ("efficientnet_lite1", r"blocks\.1\.2\.\S+"),  # deeper: it has a third layer in its second block
    ],
)
def test_packaged_weights_of_another_network_are_one_line(tmp_path, backbone, first):
    said = rf"^start\.backbones\.{backbone}: the package has no {first}; it is for lite0_stride16, lite0_stride8$"
    with pytest.raises(InputError, match=said):
        start_weights.start_weights(config(backbones={backbone: "package"}), backbone, tmp_path, RUNTIME)
    assert not list(tmp_path.iterdir())


def test_packaged_weights_of_another_shape_are_refused_as_well(tmp_path, monkeypatch):
    wide = lite.published() | {"blocks.3.2.bn3.weight": torch.ones(81)}
    monkeypatch.setattr(lite, "published", lambda: wide)
    with pytest.raises(InputError, match=r"the package has no blocks\.3\.2\.bn3\.weight; it is for"):
        start_weights.start_weights(config(backbones={"lite0_stride8": "package"}), "lite0_stride8", tmp_path, RUNTIME)


# the label


def test_a_label_stands_in_the_header_and_alters_no_tensor(tmp_path):
    state = {"a": torch.randn(3), "b": torch.arange(4).half()}
    (tmp_path / "w").write_bytes(safetensors.torch.save(state))
    start_weights.label(tmp_path / "w", '{"source":"x"}')
    with safetensors.safe_open(tmp_path / "w", "pt") as file:
        assert file.metadata() == {"recipe": '{"source":"x"}'}
    found = safetensors.torch.load_file(tmp_path / "w")
    assert found.keys() == state.keys() and all(torch.equal(found[k], v) for k, v in state.items())
    assert {k: v.dtype for k, v in found.items()} == {"a": torch.float32, "b": torch.float16}


# from timm


@pytest.mark.parametrize("folder", [False, True])
def test_timm_weights_from_a_file_or_a_folder_of_files(tmp_path, folder):
    torch.manual_seed(4)
    source = timm.create_model("test_convnext")
    save_weights(source, tmp_path / "test_convnext.safetensors")
    weights = tmp_path if folder else tmp_path / "test_convnext.safetensors"
    cfg = config(backbones={"test_convnext": "timm"}, weights=str(weights))
    start_weights.start_weights(cfg, "test_convnext", tmp_path / "out", RUNTIME)
    saved = safetensors.torch.load_file(tmp_path / "out/weights.safetensors")
    assert all(torch.equal(saved[k], v) for k, v in source.state_dict().items()), "as they are, classifier included"


@pytest.mark.parametrize("weights", [None, "nowhere.safetensors", "wrong"])
def test_weights_that_cannot_be_had_name_the_key(tmp_path, weights, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    if weights == "wrong":
        save_weights(timm.create_model("test_resnet"), tmp_path / "w.safetensors")
        weights = str(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match=r"start\.weights") as e:
        cfg = config(backbones={"test_convnext": "timm"}, weights=weights)
        start_weights.start_weights(cfg, "test_convnext", tmp_path / "out", RUNTIME)
    assert "\n" not in str(e.value)
