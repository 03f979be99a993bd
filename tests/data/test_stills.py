"""Stills of every kind: the same picture, upright, and a note where not all of it is there."""

import numpy as np
import pytest
from clips import picture
from PIL import Image, ImageOps

from ddet.data import stills, video
from ddet.errors import InputError

KINDS = {
    "baseline": lambda image, path: image.save(path, "JPEG", quality=95),
    "progressive": lambda image, path: image.save(path, "JPEG", quality=95, progressive=True),
    "cmyk": lambda image, path: image.convert("CMYK").save(path, "JPEG", quality=95),
    "png": lambda image, path: image.save(path, "PNG"),
    "palette": lambda image, path: image.convert("P", palette=Image.Palette.ADAPTIVE).save(path, "PNG"),
    "alpha": lambda image, path: image.convert("RGBA").save(path, "PNG"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_picture(tmp_path, kind):
    path = tmp_path / "x.jpg"
    KINDS[kind](Image.fromarray(picture(3)), path)
    still = stills.read(path)
    assert still.image.shape == (64, 96, 3) and still.image.dtype == np.uint8 and still.note == ""
    assert np.abs(still.image.astype(int) - picture(3)).mean() < 4


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_becomes_three_equal_channels(tmp_path, bits):
    grey = np.asarray(Image.fromarray(picture(3)).convert("L"))
    path = tmp_path / "g.png"
    Image.fromarray(grey if bits == 8 else grey.astype(np.uint16) * 257).save(path)
    assert np.array_equal(stills.read(path).image, np.repeat(grey[:, :, None], 3, axis=2))


@pytest.mark.parametrize("asked", range(1, 9))
def test_exif_turns_and_mirrors_are_applied(tmp_path, asked):
    exif = Image.Exif()
    exif[stills.ORIENTATION] = asked
    path = tmp_path / "e.png"
    stored = Image.fromarray(picture(3))
    stored.save(path, exif=exif)
    still, info = stills.read(path), video.probe(path)
    stored.getexif()[stills.ORIENTATION] = asked
    assert np.array_equal(still.image, np.asarray(ImageOps.exif_transpose(stored)))
    assert (still.note != "") == (asked in (2, 4, 5, 7)), "a mirror is told"
    flipped = picture(3)[:, ::-1] if asked in (2, 4, 5, 7) else picture(3)
    assert np.array_equal(still.image, np.rot90(flipped, still.rotation // 90)), "mirrored first, then turned"
    assert (info.width, info.height, info.rotation) == (*still.image.shape[1::-1], still.rotation)


def test_a_still_that_is_cut_short_gives_what_is_there_and_says_so(tmp_path):
    path = tmp_path / "t.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    Image.fromarray(noise).save(path, quality=95)
    whole = stills.read(path).image
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    still = stills.read(path)
    lines = int(still.note.removeprefix("cut short: ").split()[0])
    assert still.note == f"cut short: {lines} of 64 lines can be decoded" and 16 <= lines <= 48
    assert np.array_equal(still.image[: lines - 20], whole[: lines - 20])
    assert video.probe(path).note == still.note


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0 no picture", b"\x89PNG\r\n\x1a\n rest", b"BM" + b"0" * 60])
def test_a_file_that_begins_as_a_still_and_is_none_is_one_line(tmp_path, data):
    path = tmp_path / "x.jpg"
    path.write_bytes(data)
    with pytest.raises(InputError) as e:
        video.probe(path)
    assert "picture" in e.value.cause and "\n" not in str(e.value)


@pytest.mark.parametrize("head", [b"RIFF....AVI LIST", b"\0\0\0\x20ftypisom", b"GIF89a"])
def test_videos_are_no_stills(tmp_path, head):
    (tmp_path / "x").write_bytes(head)
    assert not stills.begins_as_one(tmp_path / "x")
