"""GenConViT-VAE in both forms: what is sampled when, what a forward pass costs, and who learns."""

import numpy as np
import pytest
import torch
from torch import nn

from ddet import models, params
from ddet.errors import InputError
from ddet.models.genconvit_vae import KL_WEIGHT, decoder, divergence, encoder


def created(seed: int = 0, **changes) -> nn.Module:
    base = {"name": "genconvit_vae", "backbone": "test_convnext", "size": 64, "form": "released", "swin": None}
    torch.manual_seed(seed)
    return models.create(params.Model(**{**base, "width": 2, **changes}))


def images(n: int = 4, seed: int = 3, size: int = 64) -> torch.Tensor:
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def without_gradient(model: nn.Module) -> list[str]:
    """Name the parameters that a training step, penalty included, does not reach."""
    loss = nn.functional.cross_entropy(model(images()), torch.tensor([0, 1, 1, 0])) + model.penalty
    loss.backward()
    return [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]


# shapes


@pytest.mark.parametrize(("width", "side"), [(16, 96), (2, 64)])
def test_shapes_of_code_and_decoding(width, side):
    code = encoder(width)(torch.randn(2, 3, side, side))
    assert code.shape == (2, 8 * width * (side // 16) ** 2)
    decoded = decoder(width, side // 32)(torch.randn(2, 16 * width * (side // 32) ** 2))
    assert decoded.shape == (2, 3, side // 2, side // 2)


def test_parameter_counts_at_the_width_of_the_paper():
    """Convolutions 3-16-32-64-128 of 3 x 3 with norms; transposed ones 256-64-32-16-3 of 2 x 2."""
    assert count(encoder(16)) == 448 + 4640 + 18496 + 73856 + 2 * (16 + 32 + 64 + 128)
    assert count(decoder(16, 7)) == 65600 + 8224 + 2064 + 195
    small = created(width=16)
    assert (small.mu.in_features, small.mu.out_features) == (128 * 4**2, 256 * 2**2)
    assert created(width=16, form="intended").logvar.weight.shape == small.mu.weight.shape


def test_the_head_sees_the_image_and_then_the_decoding():
    model = created().eval()
    with torch.no_grad():
        decoded = model.decoder(model.sample(*[model.mu(model.encoder(images()))] * 2))
        assert decoded.shape == (4, 3, 32, 32)
        h = torch.cat([model.backbone(images()), model.backbone(decoded)], 1).relu()
        h = nn.functional.linear(h, model.head[1].weight, model.head[1].bias).relu()
        want = nn.functional.linear(h, model.head[3].weight, model.head[3].bias)
        assert want.shape == (4, 2) and torch.allclose(model(images()), want, atol=1e-6)


# sampling


def test_released_evaluation_is_the_same_on_every_call_and_in_every_process():
    one, other = created().eval(), created().eval()
    with torch.no_grad():
        first = one(images())
        torch.rand(7)
        assert torch.equal(one(images()), first) and torch.equal(other(images()), first)
    assert torch.equal(one.eval_noise, created(seed=1).eval_noise)
    assert "eval_noise" not in one.state_dict(), "it follows from a seed, not from the weights"


@pytest.mark.parametrize("form", ["released", "intended"])
def test_a_prediction_depends_on_its_image_alone(form):
    model = created(form=form).eval()
    with torch.no_grad():
        together, turned = model(images()), model(images().flip(0)).flip(0)
        alone = torch.cat([model(image[None]) for image in images()])
    torch.testing.assert_close(turned, together, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-5)


def test_evaluation_leaves_the_random_state_alone():
    model = created().eval()
    torch.manual_seed(5)
    model(images())
    drawn = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(drawn, torch.rand(3))


def test_the_released_form_takes_the_mean_for_the_log_variance():
    """A code of mean 2 ln 3 has sigma 3; one of mean 0 has sigma 1."""
    model = created()
    mu = torch.tensor([2 * np.log(3.0), 0.0])[:, None].expand(2, 128).contiguous().float()
    torch.manual_seed(6)
    drawn = model.sample(mu, mu)
    torch.manual_seed(6)
    noise = torch.randn(2, 128)
    torch.testing.assert_close(drawn, mu + torch.tensor([[3.0], [1.0]]) * noise)
    frozen = model.eval().sample(mu, mu)
    torch.testing.assert_close(frozen[0], mu[0] + 3 * model.eval_noise[0])
    torch.testing.assert_close(frozen[1], model.eval_noise[0])
    assert model.eval_noise.shape == (1, 128) and 0.8 < model.eval_noise.std() < 1.2


def test_the_intended_form_samples_in_training_and_takes_the_mean_in_evaluation():
    model = created(form="intended")
    mu, logvar = torch.zeros(2, 128), torch.full((2, 128), 2 * np.log(3.0))
    torch.manual_seed(6)
    drawn = model.sample(mu, logvar)
    torch.manual_seed(6)
    torch.testing.assert_close(drawn, 3 * torch.randn(2, 128))
    assert model.eval().sample(mu + 1, logvar).equal(mu + 1)


def test_the_two_forms_ask_different_layers_for_the_spread():
    released, intended = created(), created(form="intended")
    seen = []
    for model in (released, intended):
        model.sample = lambda mu, logvar: (seen.append((mu, logvar)), mu)[1]
        model(images())
    assert released.logvar is None and seen[0][0] is seen[0][1]
    code = intended.train().encoder(images())
    torch.testing.assert_close(seen[1][1], intended.logvar(code))
    torch.testing.assert_close(seen[1][0], intended.mu(code))


# penalty


def enlarged(image: np.ndarray) -> np.ndarray:
    """Double the sides of a channel bilinearly, pixel centres in the corners of the plane, edges repeated."""
    height, width = image.shape
    out = np.zeros((2 * height, 2 * width))
    for y in range(2 * height):
        for x in range(2 * width):
            v, u = (y + 0.5) / 2 - 0.5, (x + 0.5) / 2 - 0.5
            top, left = int(np.floor(v)), int(np.floor(u))
            for dy in (0, 1):
                for dx in (0, 1):
                    share = (1 - abs(v - top - dy)) * (1 - abs(u - left - dx))
                    at = np.clip(top + dy, 0, height - 1), np.clip(left + dx, 0, width - 1)
                    out[y, x] += share * image[at]
    return out


def squared_error(decoded: torch.Tensor, image: torch.Tensor) -> float:
    planes = zip(decoded.detach().double().numpy(), image.double().numpy(), strict=True)
    errors = [(enlarged(a) - b) ** 2 for small, whole in planes for a, b in zip(small, whole, strict=True)]
    return float(np.mean(errors))


def kl(mu: torch.Tensor, logvar: torch.Tensor) -> float:
    """Sum the divergence of N(m, s) from N(0, 1), (s^2 + m^2 - 1) / 2 - ln s, over a code; average over the batch."""
    total = 0.0
    for ms, vs in zip(mu.tolist(), logvar.tolist(), strict=True):
        for m, v in zip(ms, vs, strict=True):
            s = np.exp(v / 2)
            total += (s * s + m * m - 1) / 2 - np.log(s)
    return total / len(mu)


def random_parts() -> tuple[torch.Tensor, ...]:
    draw = torch.Generator().manual_seed(8)
    return images(2, size=16), *(torch.randn(shape, generator=draw) for shape in ((2, 3, 8, 8), (2, 128), (2, 128)))


def test_the_released_penalty_is_the_error_of_the_decoding_alone():
    image, decoded, mu, logvar = random_parts()
    found = created().cost(image, decoded, mu, logvar).item()
    assert found == pytest.approx(squared_error(decoded, image), rel=1e-5)


def test_the_intended_penalty_adds_the_divergence():
    image, decoded, mu, logvar = random_parts()
    assert divergence(mu, logvar).item() == pytest.approx(kl(mu, logvar), rel=1e-5)
    found = created(form="intended").cost(image, decoded, mu, logvar).item()
    assert found == pytest.approx(squared_error(decoded, image) + 2.5e-4 * kl(mu, logvar), rel=1e-5)
    assert KL_WEIGHT * kl(mu, logvar) > 0.01, "it weighs enough to be seen"


def test_the_standard_normal_has_no_divergence():
    assert divergence(torch.zeros(3, 5), torch.zeros(3, 5)).item() == 0


@pytest.mark.parametrize("form", ["released", "intended"])
def test_a_pass_that_records_gradients_sets_the_penalty_of_its_own_images(form):
    model, kept = created(form=form, size=32, backbone="test_resnet"), {}
    for name in ("decoder", "mu", "logvar"):
        if layer := getattr(model, name):
            layer.register_forward_hook(lambda module, inputs, output, name=name: kept.update({name: output}))
    image = images(2, size=32)
    model(image)
    want = squared_error(kept["decoder"], image)
    if form == "intended":
        want += 2.5e-4 * kl(kept["mu"], kept["logvar"])
    assert model.penalty.shape == () and model.penalty.item() == pytest.approx(want, rel=1e-4)
    first = model.penalty.item()
    model(-image)
    assert model.penalty.item() != first
    with torch.no_grad():
        model(image)
    assert model.penalty is None


# learning


@pytest.mark.parametrize("form", ["released", "intended"])
def test_a_gradient_reaches_every_parameter(form):
    assert without_gradient(created(form=form)) == []


def test_a_gradient_reaches_every_parameter_but_those_of_the_dead_branch():
    model = created(swin="slim_swin")
    assert without_gradient(model) == [f"dead.{name}" for name, _ in model.dead.named_parameters()] != []


def test_the_penalty_alone_teaches_the_autoencoder_and_not_the_classifier():
    model = created()
    model(images())
    model.penalty.backward()
    parts = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None}
    assert parts == {"encoder", "mu", "decoder"}


def test_in_half_precision_exponentials_and_errors_are_whole():
    model = created(form="intended")
    seen = {}
    model.cost = lambda image, decoded, mu, logvar: seen.update(mu=mu.dtype, logvar=logvar.dtype, decoded=decoded.dtype)
    with torch.autocast("cpu", torch.bfloat16):
        model(images(2))
        assert seen == {"mu": torch.float32, "logvar": torch.float32, "decoded": torch.bfloat16}
        del model.cost
        model(images(2))
    assert model.penalty.dtype == torch.float32


# by name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": 80}, r"model\.size = 80: GenConViT halves the side five times; use a multiple of 32"),
        ({"backbone": "swin_tiny_patch4_window7_224", "size": 224}, r"model\.size = 112: .* it takes 224 px only"),
        ({"swin": "test_vgg"}, "timm has no such network"),
    ],
)
def test_what_it_cannot_be_made_of_is_one_line(changes, words):
    with pytest.raises(InputError, match=words) as e:
        created(**changes)
    assert "\n" not in str(e.value)


def test_a_backbone_that_patches_takes_both_views():
    model = created(backbone="test_vit")
    assert model(images(2)).shape == (2, 2)


@pytest.mark.parametrize(("form", "swin", "width"), [("intended", "slim_swin", 64 + 128), ("intended", None, 64)])
def test_the_intended_form_compares_pooled_features(form, swin, width):
    model = created(form=form, swin=swin)
    assert model.features(images(2)).shape == (2, width) and model.head[1].in_features == 2 * width
