"""ASRID: sizes, equality with the released code's loop, padding, what time means to each score, losses, bad input."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from ddet import params
from ddet.data.clip_loader import ClipRule, make_clip_dls
from ddet.data.crop_loader import Loading
from ddet.errors import InputError
from ddet.models import asrid
from ddet.seeds import seed_everything
from ddet.training import learner

ALL = [(strategy, mode) for strategy in asrid.STATIC + asrid.DYNAMIC for mode in asrid.CLASSES]
SLIM = {"heads": 4, "layers": 2, "layer_heads": 4, "hidden": 12, "positions": 6, "maps": 3}
CPU = torch.device("cpu")


def slim(strategy: str = "dynamic_mix", mode: str = "paper", seed: int = 1, **changes) -> asrid.Asrid:
    seed_everything(seed, 1)
    w = 0.8 if strategy in asrid.DYNAMIC else 1.0
    settings = {"backbone": "mobilenetv3_small_050", "width": 16, "w": w, **SLIM, **changes}
    return asrid.build(strategy=strategy, mode=mode, **settings)


def clips(n: int = 3, frames: int = 5, size: int = 64) -> torch.Tensor:
    """Return pictures that differ in their colours and in how coarse they are."""
    draw = torch.Generator().manual_seed(4)
    coarse = torch.randn(n * frames, 3, 4, 4, generator=draw)
    fine = torch.randn(n * frames, 3, size, size, generator=draw) * torch.rand(n * frames, 1, 1, 1, generator=draw)
    return (F.interpolate(coarse, size=size) + fine).unflatten(0, (n, frames))


def settled(model: asrid.Asrid) -> asrid.Asrid:
    """Set the statistics of batch normalisation as training would; without them an untrained net sees no difference."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        model.train()(clips(6))
    for norm in norms:
        norm.momentum = 0.1
    return model.eval()


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("strategy", "code", "fewer_in_paper_mode"),
    [  # as measured on the released code; two classes instead of four save 2 x (D/4 + 1) parameters
        ("static_old", 9_548_858, 7_004_000),  # the attention
        ("static_new", 9_798_611, 502),
        ("static_mix", 10_550_361, 1002),
        ("dynamic", 45_860_613, 502),
        ("dynamic_mix", 130_668_363, 1002),
    ],
)
def test_full_size_counts(strategy, code, fewer_in_paper_mode):
    w = 0.8 if strategy in asrid.DYNAMIC else 1.0
    with torch.device("meta"):
        full = {m: asrid.build("mobilenetv3_small_100", 1000, strategy=strategy, mode=m, w=w) for m in asrid.CLASSES}
    assert count(full["code"]) == code
    assert count(full["paper"]) == code - fewer_in_paper_mode
    assert count(full["code"].backbone) == 2_542_856


def plain(model: asrid.Asrid, crops: torch.Tensor) -> list[tuple[float, float | None, float]]:
    """Score clip by clip in probabilities, as the released code does: P(real) of static, dynamic and fused."""
    found = []
    for clip in crops:
        feat = model.backbone(clip)
        attn = feat
        if model.strategy == "spatial":
            attn = model.attention(model.backbone.forward_features(clip))[0]
        elif model.attention is not None:
            a = model.attention
            attn = F.relu(a.heads(a.query(feat), a.key(feat), a.value(feat))[0])  # unbatched: F x D
        if model.strategy in asrid.MIXED:
            both = torch.cat([feat, attn], 1)
            attn = both / both.norm(dim=1, keepdim=True)
        logits = model.static(attn)
        static = logits.softmax(0)[0].mean() if model.axis_bug else logits.softmax(1)[:, 0].mean()
        if model.dynamic is None:
            found.append((static.item(), None, static.item()))
            continue
        d = model.dynamic
        if model.strategy == "motion":
            logits = d(model.backbone.forward_features(clip)[None], None)
        else:
            logits = d.classify(d.encoder(attn[None] + d.positions[None, : len(attn)])).mean(1)
        dynamic = logits.softmax(1)[0, 0]
        found.append((static.item(), dynamic.item(), (model.w * static + (1 - model.w) * dynamic).item()))
    return found


@pytest.mark.parametrize(("strategy", "mode"), ALL)
def test_all_clips_at_once_equal_the_loop_over_clips(strategy, mode):
    model, crops = settled(slim(strategy, mode)), clips()
    with torch.no_grad():
        pred = model(crops)
        found, want = asrid.scores(pred), plain(model, crops)
        alone = torch.cat([model(clip[None]) for clip in crops])
    assert pred.shape == (3, 2, 3 if strategy in asrid.DYNAMIC else 1)
    assert torch.allclose(pred.exp().sum(1), torch.ones(1), atol=1e-6)
    assert torch.allclose(pred, alone, atol=1e-5)
    for i, (static, dynamic, fused) in enumerate(want):  # the code scores real, we score fake
        assert found.static[i].item() == pytest.approx(1 - static, abs=1e-5)
        assert found.fused[i].item() == pytest.approx(1 - fused, abs=1e-5)
        if dynamic is None:
            assert found.dynamic is None
        else:
            assert found.dynamic[i].item() == pytest.approx(1 - dynamic, abs=1e-5)
    assert len({round(v, 4) for v in found.fused.tolist()}) > 1  # the clips do differ


@pytest.mark.parametrize("strategy", ["static_mix", "spatial", "dynamic_mix", "motion"])
def test_the_default_profiles_backbone_stands_in_for_mobilenet(strategy):
    model, crops = settled(slim(strategy, backbone="lite0_stride16")), clips()
    with torch.no_grad():
        found, want = asrid.scores(model(crops)).fused, plain(model, crops)
    assert (1 - found).tolist() == pytest.approx([fused for _, _, fused in want], abs=1e-5)
    asrid.ASRIDLoss("paper", model.w)(model.train()(crops), torch.tensor([0, 1, 1])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_axis_bug_is_what_the_code_does_and_starts_near_one_frame_in_all():
    model, crops = settled(slim("static_old", "code", axis_bug=True)), clips()
    with torch.no_grad():
        want = [static for static, _, _ in plain(model, crops)]
        assert (1 - asrid.scores(model(crops)).fused).tolist() == pytest.approx(want, abs=1e-5)
        model.static[0].weight.zero_()
        assert (1 - asrid.scores(model(crops)).fused).tolist() == pytest.approx([1 / 5] * 3)
        right = slim("static_old", "code").eval()
        right.static[0].weight.zero_()
        right.static[0].bias.zero_()
        assert asrid.scores(right(crops)).fused.tolist() == pytest.approx([0.5] * 3)


@pytest.mark.parametrize(("strategy", "mode"), [(s, m) for s, m in ALL if m == "paper"])
def test_padding_changes_nothing(strategy, mode):
    """A clip of 3 frames padded with nan to 5 scores, and trains, as the 3 frames alone."""
    model, crops = settled(slim(strategy, mode, dropout=0.0)), clips(2)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    crops[1, 3:] = math.nan
    with torch.no_grad():
        both = model(crops, mask)
        assert torch.allclose(both[:1], model(crops[:1]), atol=1e-5)
        assert torch.allclose(both[1:], model(crops[1:, :3]), atol=1e-5)
        assert torch.equal(model(crops[:1], mask[:1]), model(crops[:1]))  # a mask without padding
        with torch.inference_mode():
            assert torch.allclose(model(crops, mask), both, atol=1e-5)
    asrid.ASRIDLoss(mode, model.w)(model.train()(crops, mask), torch.tensor([0, 1])).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    assert all(b.isfinite().all() for b in model.buffers())


def test_order_of_frames_is_for_the_dynamic_score_alone():
    model, crops = settled(slim()), clips(2, 6)
    shuffled = crops[:, [3, 0, 5, 1, 4, 2]]
    with torch.no_grad():
        a, b = asrid.scores(model(crops)), asrid.scores(model(shuffled))
    assert torch.allclose(a.static, b.static, atol=1e-6)
    assert ((a.dynamic - b.dynamic).abs() > 1e-4).all()
    for strategy in asrid.STATIC:
        model = settled(slim(strategy))
        with torch.no_grad():
            assert torch.allclose(model(crops), model(shuffled), atol=1e-5)


@pytest.mark.parametrize(("strategy", "mode"), ALL)
def test_every_parameter_learns(strategy, mode):
    """Dead by construction: the bias before the static head's batch normalisation, which takes constants away."""
    model = slim(strategy, mode, seed=3)
    model.backbone.drop_rate = 0.0
    asrid.ASRIDLoss(mode, model.w)(model(clips(4)), torch.tensor([0, 1, 1, 1])).backward()
    largest = {name: p.grad.abs().max().item() for name, p in model.named_parameters()}
    dead = [name for name, size in largest.items() if not size > 1e-5 and not _cancelled(name)]
    assert dead == ([] if strategy == "static_old" else ["static.0.bias"])


def _cancelled(name: str) -> bool:
    """Tell the norms inside the backbone, some of whose scales and biases the next norm cancels."""
    return name.startswith("backbone.blocks") and ".bn" in name


def test_in_code_mode_three_of_four_outputs_are_one():
    """Only the first output has a meaning of its own: a permutation of the others changes nothing."""
    model, crops = settled(slim("static_new", "code")), clips()
    with torch.no_grad():
        before = model(crops)
        for p in (model.static[3].weight, model.static[3].bias):
            p.copy_(p[[0, 3, 1, 2]])
        assert torch.allclose(model(crops), before, atol=1e-6)
        model.static[3].weight.zero_()
        model.static[3].bias.zero_()
        assert asrid.scores(model(crops)).static.tolist() == pytest.approx([0.75] * 3)  # and so it starts unfair


def test_losses_by_hand():
    """Clip 1 real with static .3, dynamic .6; clip 2 fake with .8 and .5; w = .75 gives fused .375 and .725."""
    fake = torch.tensor([[0.375, 0.3, 0.6], [0.725, 0.8, 0.5]])
    pred, label = torch.stack([1 - fake, fake], 1).log(), torch.tensor([0, 1])
    code = -(math.log(0.625) + math.log(0.725)) / 2
    paper = 0.75 * -(math.log(0.7) + math.log(0.8)) / 2 + 0.25 * -(math.log(0.4) + math.log(0.5)) / 2
    assert asrid.ASRIDLoss("code", 0.75)(pred, label).item() == pytest.approx(code)
    assert asrid.ASRIDLoss("paper", 0.75)(pred, label).item() == pytest.approx(paper)
    for mode in asrid.CLASSES:
        static = asrid.ASRIDLoss(mode, 1.0)(pred[..., 1:2], label)
        assert static.item() == pytest.approx(-(math.log(0.7) + math.log(0.8)) / 2)
    assert asrid.scores(pred).dynamic.tolist() == pytest.approx([0.6, 0.5])


def test_a_sure_and_wrong_score_keeps_its_gradient():
    model = settled(slim("static_new"))
    with torch.no_grad():
        model.static[3].bias.copy_(torch.tensor([300.0, -300.0]))
    loss = asrid.ASRIDLoss("paper", 1.0)(model(clips()), torch.ones(3, dtype=torch.int64))
    loss.backward()
    assert loss.item() == pytest.approx(600, abs=20)
    assert model.static[3].bias.grad.tolist() == pytest.approx([1, -1], abs=1e-4)


def test_a_look_shows_the_attention_and_scores_the_same():
    model, crops, mask = settled(slim()), clips(2), torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    with torch.no_grad():
        look, pred = model.look(crops, mask), model(crops, mask)
    assert torch.allclose(look.pred, pred, atol=1e-5)
    assert look.maps is None
    assert look.frames.shape == (2, 5, 5)
    assert torch.allclose(look.frames.sum(2), torch.ones(2, 5), atol=1e-5)
    assert (look.frames[1, :, 3:] == 0).all()  # nobody looks at padding
    model = settled(slim("spatial"))
    with torch.no_grad():
        look = model.look(crops, mask)
    assert look.frames is None
    assert look.maps.shape == (2, 5, 3, 2, 2)
    assert torch.allclose(look.maps[mask].sum((-1, -2)), torch.ones(8, 3), atol=1e-5)


def test_parts_hold_every_parameter_once():
    for strategy, mode in ALL:
        model = slim(strategy, mode)
        grouped = [id(p) for group in model.parts().values() for p in group]
        assert sorted(grouped) == sorted(id(p) for p in model.parameters())
    assert list(slim().parts()) == ["backbone", "attention", "static", "dynamic"]
    assert list(slim("static_old").parts()) == ["backbone", "static"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"strategy": "dinamic"}, "dinamic.*static_old"),
        ({"strategy": "dynamic", "mode": "papre"}, "papre.*code"),
        ({"strategy": "dynamic", "w": 1.0}, r"w = 1.0.*\(0, 1\)"),
        ({"strategy": "dynamic_mix", "w": 0.0}, r"w = 0.0.*\(0, 1\)"),
        ({"strategy": "dynamic", "w": 1.2}, r"w = 1.2"),
        ({"strategy": "static_mix", "w": 0.8}, "w = 0.8.*no dynamic"),
        ({"strategy": "static_new", "heads": 5}, "heads = 5.*16"),
        ({"strategy": "dynamic_mix", "layer_heads": 5}, "layer_heads = 5.*32"),
        ({"strategy": "static_new", "axis_bug": True}, "axis_bug"),
    ],
)
def test_bad_settings_are_one_line(settings, words):
    with pytest.raises(InputError, match=words) as e:
        slim(**settings)
    assert "\n" not in str(e.value)


def test_bad_clips_are_one_line():
    with pytest.raises(InputError, match=r"7 frames.*6") as e:
        slim()(clips(1, 7, 32))
    assert "\n" not in str(e.value)
    slim("static_mix").eval()(clips(1, 7, 32))  # the static head has no positions
    mask = torch.tensor([[True, True], [False, False], [True, False]])
    with pytest.raises(InputError, match=r"clips \[1\].*no usable frame"):
        slim()(clips(3, 2, 32), mask)
    bug = slim("static_old", axis_bug=True)
    for crops, frames in ((clips(1, 1, 32), None), (clips(3, 2, 32), mask | torch.tensor([[True, False]]))):
        with pytest.raises(InputError, match="axis_bug"):
            bug(crops, frames)


def test_it_trains_and_predicts_through_the_learner(tmp_path):
    """Bright clips are fake: after a few epochs all three scores know; bf16 as in the default profile."""
    rng, rows = np.random.default_rng(0), []
    for i in range(24):
        for frame in range(3):
            crop = f"{i}_{frame}.png"
            grey = rng.integers(90, 110, (32, 32, 3)) + 70 * (i % 2)
            Image.fromarray(grey.astype(np.uint8)).save(tmp_path / crop)
            split = "train" if i < 16 else "valid"
            rows.append((f"d/m/-/{i:02d}", frame, 0, crop, i % 2, "g", split))
    rows = pd.DataFrame(rows, columns=["clip_id", "frame_idx", "track", "crop", "label", "group", "split"])
    rule = ClipRule(frames=3, short="pad", scaling="imagenet", augment_per="clip")
    dls = make_clip_dls(rows, Loading(tmp_path, 32, 4, CPU), rule, None, seed=1)
    train = {"epochs": 12, "bs": 4, "lr": 3e-3, "wd": 0.01, "opt": "adamw", "schedule": "flat", "step_epochs": 1}
    rest = {"step_gamma": 0.1, "precision": "bf16", "channels_last": True, "select": "valid_loss"}
    model = slim(seed=2)
    learner.fit(
        model, dls, params.Train(**train, **rest), tmp_path / "run", 1, asrid.ASRIDLoss("paper", 0.8), [], [], False
    )
    losses = pd.read_csv(tmp_path / "run" / "history.csv")["valid_loss"]
    assert losses.min() < 0.4 < losses[0]
    with torch.no_grad():
        found = [(asrid.scores(model.eval()(crops, mask)), label) for crops, mask, label in dls.valid]
    for kind in ("fused", "static", "dynamic"):
        called = torch.cat([getattr(score, kind) > 0.5 for score, _ in found])
        assert torch.equal(called.long(), torch.cat([label for _, label in found])), kind
