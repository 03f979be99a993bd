"""Single operations of NumPy, SciPy, OpenCV and torch that the code uses, on numbers that are exact everywhere."""

import math

import cv2
import numpy as np
import torch
from scipy import ndimage

from ddet.models import portable
from ddet.tools.bits import digest

SIDE = 96  # px of a picture


def settings() -> dict:
    """Nothing but code shapes these."""
    return {}


def numbers(*shape: int, dtype: type = np.float32) -> np.ndarray:
    """Draw from -8 to 8 in steps of 2**-12: made of integers, so the same on every machine."""
    drawn = np.random.default_rng(0).integers(-(2**15), 2**15, shape)
    return (drawn / 4096).astype(dtype)


def picture() -> np.ndarray:
    """Draw an RGB picture: a ramp with noise, uint8 SIDE x SIDE x 3."""
    ramp = np.add.outer(np.arange(SIDE), np.arange(SIDE))[..., None] // 2
    return (ramp + np.random.default_rng(1).integers(0, 60, (SIDE, SIDE, 3))).astype(np.uint8)


def compute() -> dict[str, str]:
    """Return name -> hash."""
    return _numpy() | _opencv() | _torch()


def _numpy() -> dict[str, str]:
    single, double = numbers(4096), numbers(4096, dtype=np.float64)
    a, b = numbers(96, 128), numbers(128, 64)
    found = {f"numpy {f.__name__} float32": digest(f(single)) for f in (np.exp, np.sin, np.cos, np.tanh)}
    found["numpy power float32"] = digest(np.abs(single) ** 2.5, np.abs(single) ** np.float32(0.4))
    found["numpy hypot float32"] = digest(np.hypot(single, single[::-1]), np.sqrt(np.abs(single)))
    found["numpy exp sin cos log float64"] = digest(np.exp(double), np.sin(double), np.cos(double), np.log1p(double**2))
    found["numpy power arctan2 float64"] = digest(np.abs(double) ** 0.37, np.arctan2(double, double[::-1]))
    found["numpy sum mean std"] = digest(
        *(np.asarray(f(x)) for f in (np.sum, np.mean, np.std) for x in (single, double))
    )
    found["numpy matmul float32"], found["numpy matmul float64"] = digest(a @ b), digest(a.astype(float) @ b)
    long = numbers(200003, dtype=np.float64)
    found["numpy dot"] = digest(np.asarray(long @ long), np.linalg.norm(a, axis=1), numbers(300, 3000) @ long[:3000])
    found["numpy eigh lstsq"] = digest(*np.linalg.eigh(np.cov(b.T)), np.linalg.lstsq(a, a[:, :3], rcond=None)[0])
    found["numpy quantile"] = digest(np.quantile(double, [0.025, 0.5, 0.975]))
    found["numpy normal"] = digest(np.random.default_rng(2).standard_normal(4096))
    found["math exp sin pow"] = digest(np.array([(math.exp(v), math.sin(v), abs(v) ** 0.37) for v in double[:500]]))
    found["scipy gaussian"] = digest(ndimage.gaussian_filter(a, 1.7), ndimage.zoom(b, 1.3, order=1))
    return found


def _opencv() -> dict[str, str]:
    image, field = picture(), numbers(SIDE, SIDE)
    floats, places = image.astype(np.float32), (numbers(SIDE, SIDE, 2) + 8) * 5
    ways = {"area": cv2.INTER_AREA, "linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}
    found = {
        f"opencv resize {name}": digest(cv2.resize(image, (61, 61), interpolation=way)) for name, way in ways.items()
    }
    for name, way in ways.items():
        found[f"opencv resize {name} float32"] = digest(
            *(cv2.resize(field, s, interpolation=way) for s in ((61, 61), (200, 200)))
        )
    found["opencv blur"] = digest(cv2.GaussianBlur(image, (0, 0), 1.7), cv2.GaussianBlur(floats, (0, 0), 1.7))
    found["opencv remap"] = digest(*(cv2.remap(x, places, None, cv2.INTER_LINEAR) for x in (image, floats)))
    turn = cv2.getRotationMatrix2D((40, 50), 17, 1.1)
    found["opencv warp"] = digest(
        *(cv2.warpAffine(x, turn, (SIDE, SIDE), flags=cv2.INTER_LINEAR) for x in (image, floats))
    )
    found["opencv colour"] = digest(
        *(cv2.cvtColor(image, c) for c in (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2LAB, cv2.COLOR_RGB2GRAY))
    )
    found["opencv arithmetic"] = digest(
        cv2.addWeighted(floats, 0.3, floats[::-1], 0.7, 1.5), cv2.multiply(field, field)
    )
    found["opencv jpeg"] = digest(jpeg := cv2.imencode(".jpg", image)[1], cv2.imdecode(jpeg, cv2.IMREAD_COLOR))
    found["opencv png"] = digest(cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 3])[1])
    return found


def _torch() -> dict[str, str]:
    x = torch.from_numpy(numbers(16, 64))
    functions = (torch.exp, torch.sigmoid, torch.tanh, torch.nn.functional.gelu, torch.nn.functional.silu)
    found = {f"torch {f.__name__}": digest(f(x).numpy()) for f in functions}
    found["torch sqrt asin atan"] = digest(x.abs().sqrt().numpy(), (x / 8).asin().numpy(), x.atan().numpy())
    found["torch erfinv log rsqrt"] = digest(
        (x / 9).erfinv().numpy(), x.abs().log1p().numpy(), (x**2 + 1).rsqrt().numpy()
    )
    # MKL's on a CPU, as the square root is; another CPU may round one value in many otherwise, so it takes many.
    many = torch.from_numpy(np.abs(numbers(1024, 1024) * numbers(1024, 1024).T[::-1]) + np.float32(1e-3))
    functions = (torch.log, torch.log10, torch.exp, torch.tanh)
    found |= {f"torch {f.__name__} of a million": digest(f(many).numpy()) for f in functions}
    found["our log of a million"] = digest(portable.log(many).numpy())
    found["torch softmax"] = digest(x.softmax(1).numpy(), x.log_softmax(1).numpy(), x.double().softmax(1).numpy())
    found["torch sums"] = digest(x.sum(1).numpy(), x.mean().numpy(), x.var(1).numpy(), x.norm().numpy())
    found["torch matmul"] = digest(
        (x @ x.T).numpy(), (x.double() @ x.T.double()).numpy(), torch.bmm(x.view(4, 4, 64), x.view(4, 64, 4)).numpy()
    )
    maps = torch.from_numpy(numbers(2, 16, 24, 24)).contiguous(memory_format=torch.channels_last)
    weights = {3: torch.from_numpy(numbers(24, 16, 3, 3)), 1: torch.from_numpy(numbers(24, 16, 1, 1))}
    found |= {f"torch conv {k}x{k}": digest(torch.conv2d(maps, w, padding=k // 2).numpy()) for k, w in weights.items()}
    deep = torch.from_numpy(numbers(16, 1, 3, 3))
    found["torch conv depthwise"] = digest(torch.conv2d(maps, deep, padding=1, groups=16).numpy())
    found["torch interpolate"] = digest(torch.nn.functional.interpolate(maps, size=(40, 40), mode="bilinear").numpy())
    torch.manual_seed(0)
    found["torch normal"] = digest(torch.randn(1000).numpy(), torch.randperm(100).numpy(), torch.rand(1000).numpy())
    return found
