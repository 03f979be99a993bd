"""A training step of every network of the default profile's size: outputs, and the gradient of every weight."""

import torch
from torch import nn

from ddet import models, params
from ddet.asrid import train as asrid_train
from ddet.seeds import seed_everything
from ddet.tools.bits import digest, primitives

PROFILE = "profiles/smoke.yaml"
SIZE, BATCH = 64, 4


def settings() -> dict:
    """Return the networks."""
    whole = params.load(PROFILE)
    papers = {"herd": whole.herd.model.model_dump(), "asrid": whole.asrid.model.model_dump()}
    return papers | {"backbones": whole.start.backbones, "frames": whole.asrid.frames}


def compute() -> dict[str, str]:
    """Return name -> hash."""
    whole, found = params.load(PROFILE), {}
    plain = {"name": "timm", "size": SIZE, "form": "released", "swin": None, "width": 1}
    nets = {name: params.Model(backbone=name, **plain) for name in whole.start.backbones}
    nets["genconvit_ed"] = whole.herd.model
    nets["genconvit_vae"] = whole.herd.model.model_copy(update={"name": "genconvit_vae", "swin": None, "width": 4})
    nets["f3net"] = params.Model(backbone="slim_xception", **(plain | {"name": "f3net"}))
    for name, net in nets.items():
        seed_everything(0, 1)
        found |= _step(name, models.create(net), _images(BATCH, net.size))
    seed_everything(0, 1)
    cfg = whole.asrid.model.model_dump() | {"strategy": "dynamic_mix", "w": 0.8, "axis_bug": False}
    clips = _images(BATCH * whole.asrid.frames, cfg["size"])
    return found | _step("asrid", asrid_train.build(cfg), clips.unflatten(0, (BATCH, -1)))


def _images(count: int, size: int) -> torch.Tensor:
    return torch.from_numpy(primitives.numbers(count, 3, size, size) / 4)


def _step(name: str, model: nn.Module, images: torch.Tensor) -> dict[str, str]:
    model.to(memory_format=torch.channels_last).train()
    output = model(images)
    (output**2).sum().backward()
    gradients = [p.grad.numpy() for p in model.parameters() if p.grad is not None]
    weights = [p.detach().numpy() for p in model.parameters()]
    found = {"weights": digest(*weights), "forward": digest(output.detach().numpy()), "gradient": digest(*gradients)}
    return {f"{name} {part}": hashed for part, hashed in found.items()}
