"""Read stills: PNG and others, and every kind of JPEG (progressive, grey, CMYK, turned by EXIF, cut short).

A still is told by its first bytes, never by its name. Video decoders read few kinds of JPEG and no EXIF: Pillow does.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from ddet.errors import InputError

REMEDY = "replace the file or leave it out"
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF")
ORIENTATION = 0x0112  # the tag of EXIF
TURNED = {3: 180, 4: 180, 5: 90, 6: 270, 7: 270, 8: 90}  # its value -> degrees counter-clockwise that set it upright
MIRRORED = (2, 4, 5, 7)


@dataclass(frozen=True)
class Still:
    """A picture, H x W x 3 uint8 RGB, upright; `rotation` and `note` are those of `video.VideoInfo`."""

    image: np.ndarray
    rotation: int = 0
    note: str = ""


def begins_as_one(path: str | Path) -> bool:
    """Return whether the first bytes of a file are those of a still."""
    with Path(path).open("rb") as file:
        head = file.read(12)
    webp = head[:4] == b"RIFF" and head[8:] == b"WEBP"
    return webp or head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n", b"BM", b"II*\0", b"MM\0*"))


def read(path: str | Path) -> Still:
    """Read a still, upright as its EXIF says; of one that is cut short, what is there (the rest is grey or black).

    Raises:
        InputError: not one line of it can be decoded.
    """
    try:
        image, note = _loaded(path, cut=False), ""
    except (UnidentifiedImageError, Image.DecompressionBombError) as e:
        raise InputError(path, f"not a picture ({type(e).__name__})", REMEDY) from None
    except (OSError, SyntaxError, ValueError):
        try:
            image = _loaded(path, cut=True)
        except (OSError, SyntaxError, ValueError, EOFError):
            raise InputError(path, "no line of the picture can be decoded", REMEDY) from None
        note = f"cut short: {_whole_lines(np.asarray(_rgb(image)))} of {image.height} lines can be decoded"
    asked = image.getexif().get(ORIENTATION, 1)
    note = note or ("mirrored, as its EXIF asks" if asked in MIRRORED else "")
    return Still(np.array(_rgb(ImageOps.exif_transpose(image))), TURNED.get(asked, 0), note)


def _loaded(path: str | Path, cut: bool) -> Image.Image:
    """Decode a file whole, or with `cut` as far as it goes."""
    before = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = cut
    try:
        image = Image.open(path, formats=FORMATS)
        image.load()
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = before
    return image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel; a plain conversion would clip them at 255
        return Image.fromarray((np.asarray(image, np.float64) / 257).round().clip(0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    return image.convert("RGB")


def _whole_lines(image: np.ndarray) -> int:
    """Count the lines above those at the end that are all of one colour, which is how a decoder fills the rest."""
    filled = (image == image[-1, -1]).all(axis=(1, 2))[::-1]
    return len(image) - (len(image) if filled.all() else int(np.argmin(filled)))
