"""A page of scored clips: frames with the faces found, the score over time, Grad-CAM of the highest frame."""

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import torch
from matplotlib import colormaps

from ddet import models
from ddet.attention import grad_cam
from ddet.data import crop_loader, crops, video
from ddet.data.faces import BOX
from ddet.errors import InputError
from ddet.report import html
from ddet.scoring.detectors import Detector

SHOWN = 6  # frames of a clip
HEIGHT = 150  # px of a picture
CURVE = (420, 110)  # px of the score over time
LINE = (0, 158, 115)  # RGB around a face
CSS = """
.strip img, .strip svg { margin: 0 .4rem .4rem 0; vertical-align: top }
svg text { font-size: 11px; fill: currentColor }
"""


def write(
    path: Path, table: pd.DataFrame, scored: pd.DataFrame, clips: pd.DataFrame, root: Path, folder: Path,
    detector: Detector, title: str,
) -> None:  # fmt: skip
    """Write the page of a table of scores.

    Args:
        table: as `score.score` returns, in its order.
        scored: the crops with their `prob`, which lie in `folder`.
        clips: the manifest rows of the table, whose files lie below `root`.

    Raises:
        InputError: the page cannot be written.
    """
    parts = [f"<h1>{escape(title)}</h1>", "<p>Scores are the probability of fake: 0 is real, 1 is fake.</p>"]
    rows = dict(zip(table["clip"], clips.to_dict("records"), strict=True))
    for line in table.to_dict("records"):
        row = rows[line["clip"]]
        own = scored[scored["clip_id"] == row["clip_id"]]
        parts.append(f"<h2>{escape(line['clip'])}</h2>\n<p>{_told(line)}</p>")
        if len(own):
            parts.append(f'<div class="strip">{_strip(row, own, root, folder, detector)}</div>')
    try:
        Path(path).write_text(html.document(title, "\n".join(parts), CSS), encoding="utf-8")
    except OSError as e:
        raise InputError(path, f"cannot be written ({e.strerror or e})", "name another file with --html") from None


def _told(line: dict) -> str:
    """Say what was found of a clip, in words."""
    if not line["faces"]:
        return f"no score: {escape(str(line['reason']))}"
    told = f"score {line['clip_prob']:.3f}, of {line['faces']} faces {line['lowest']:.3f} to {line['highest']:.3f}"
    return told + (f"; {escape(str(line['reason']))}" if line["reason"] else "")


def _strip(row: dict, own: pd.DataFrame, root: Path, folder: Path, detector: Detector) -> str:
    chosen = own.drop_duplicates("frame_idx")
    chosen = chosen.iloc[np.unique(np.linspace(0, len(chosen) - 1, SHOWN).round().astype(int))]
    frames = dict(video.read_frames(root / row["path"], chosen["frame_idx"].tolist()))
    shown = [_framed(frames[i], own[own["frame_idx"] == i]) for i in chosen["frame_idx"] if i in frames]
    parts = [_picture(image, f"frame {i}") for image, i in zip(shown, chosen["frame_idx"], strict=False)]
    highest = own.loc[own["prob"].idxmax()]
    return "".join(
        [*parts, curve(own["frame_idx"].tolist(), own["prob"].tolist()), _attention(highest, folder, detector)]
    )


def _framed(frame: np.ndarray, faces: pd.DataFrame) -> np.ndarray:
    """Draw the boxes of the faces into a frame, and make it HEIGHT px high."""
    frame, wide = frame.copy(), max(1, round(frame.shape[0] / 120))
    for box in faces[BOX].to_numpy().round().astype(int).tolist():
        cv2.rectangle(frame, box[:2], box[2:], LINE, wide)
    return cv2.resize(frame, (round(frame.shape[1] * HEIGHT / len(frame)), HEIGHT), interpolation=cv2.INTER_AREA)


def _attention(crop: pd.Series, folder: Path, detector: Detector) -> str:
    """Return the highest frame's crop with the Grad-CAM of class fake over it; nothing where no network is known."""
    if detector.network is None:
        return ""
    image = crops.resized(crops.load_crop(folder / crop["crop"]), detector.size)
    batch = crop_loader.normalise((torch.from_numpy(image)[None], None))[0]
    model = detector.network.cpu()
    try:
        layers = [models.cam_layer(model, detector.size)]
        heat = grad_cam.attention_maps(model, layers, batch, torch.ones(1, dtype=torch.int64), models.cam_call(model))
    except InputError as e:
        return f"<p>no Grad-CAM: {escape(e.cause)}</p>"
    colours = colormaps["inferno"](heat[0].numpy())[:, :, :3] * 255
    mixed = (0.55 * image + 0.45 * colours).round().astype(np.uint8)
    shown = cv2.resize(mixed, (HEIGHT, HEIGHT), interpolation=cv2.INTER_LINEAR)
    return _picture(shown, f"Grad-CAM of frame {crop['frame_idx']}, the highest: {crop['prob']:.3f}")


def curve(frames: Sequence[int], probs: Sequence[float]) -> str:
    """Draw scores over frames as an SVG of its own, from 0 below to 1 above."""
    width, height = CURVE
    last = max(max(frames), 1)
    places = [
        (8 + (width - 16) * i / last, height - 20 - (height - 30) * p) for i, p in zip(frames, probs, strict=True)
    ]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5" fill="#D55E00"/>' for x, y in places)
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    half = height - 20 - (height - 30) / 2
    return (
        f'<svg width="{width}" height="{height}" role="img" aria-label="score over frames">'
        f'<line x1="8" x2="{width - 8}" y1="{half}" y2="{half}" stroke="#999" stroke-dasharray="3"/>'
        f'<polyline points="{line}" fill="none" stroke="#0072B2"/>{dots}'
        f'<text x="8" y="{height - 4}">frame 0 to {max(frames)}; dashed: .5</text></svg>'
    )


def _picture(image: np.ndarray, text: str) -> str:
    data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1].tobytes()
    source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    return f'<img src="{source}" alt="{escape(text)}" title="{escape(text)}" height="{HEIGHT}">'
