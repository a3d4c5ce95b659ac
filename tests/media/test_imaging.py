"""Promises M1 to M5, as far as they can be held by looking at one picture."""

import io
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from apps.media import blurhash, imaging
from apps.media.boxes import TooManyParts
from apps.media.containers import inspect
from apps.media.imaging import ACCEPTED_TYPES, ImagingError, Limits, Picture
from apps.media.sandbox import RenderPool
from tests.media import pictures
from tests.media.pictures import SECRET, TYPES, chunk, file_of, landscape, quarters, segment, with_chunks, with_segments

Render = Callable[..., Picture]


@pytest.fixture
def render(tmp_path: Path) -> Render:
    """`render(data, "image/png")` → Picture, in this process."""

    def run(data: bytes, declared_type: str, *, limits: Limits | None = None, square: bool = False) -> Picture:
        source = tmp_path / "original"
        source.write_bytes(data)
        return imaging.render(source, declared_type=declared_type, into=tmp_path, square=square, limits=limits)

    return run


def image_of(picture: Picture, name: str = "large", content_type: str = "image/jpeg") -> Image.Image:
    """The rendition of that name, loaded."""
    path = next(r.path for r in picture.renditions if (r.name, r.content_type) == (name, content_type))
    with Image.open(path) as image:
        image.load()
        return image


def files_of(picture: Picture) -> list[bytes]:
    return [rendition.path.read_bytes() for rendition in picture.renditions]


def assert_close(found: Any, expected: Any, within: int = 8) -> None:
    assert np.abs(np.array(found, int) - np.array(expected, int)).max() <= within, (found, expected)


def refusal(render: Render, data: bytes, declared_type: str, **options: Any) -> str:
    with pytest.raises(ImagingError) as caught:
        render(data, declared_type, **options)
    assert caught.value.detail
    assert "Error" not in caught.value.detail
    return caught.value.code


# ── Variants ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content_type", TYPES)
def test_every_accepted_type_becomes_six_variants(render: Render, content_type: str) -> None:
    picture = render(file_of(quarters(2400, 1600), content_type), content_type)

    assert (picture.width, picture.height) == (2400, 1600)
    assert [(r.name, r.content_type, r.width, r.height) for r in picture.renditions] == [
        (name, encoding, width, height)
        for name, width, height in (("thumb", 320, 213), ("medium", 1080, 720), ("large", 2048, 1365))
        for encoding in ("image/webp", "image/jpeg")
    ]
    for rendition in picture.renditions:
        with Image.open(rendition.path) as image:
            assert image.format == TYPES[rendition.content_type]
            assert (image.size, image.mode) == ((rendition.width, rendition.height), "RGB")
        assert rendition.bytes == rendition.path.stat().st_size


def test_heic_may_be_declared_as_heif(render: Render) -> None:
    assert render(file_of(quarters(), "image/heic"), "image/heif").width == 96


@pytest.mark.parametrize("content_type", TYPES)
def test_a_variant_is_never_larger_than_the_original(render: Render, content_type: str) -> None:
    picture = render(file_of(quarters(640, 400), content_type), content_type)

    assert {(r.name, r.width, r.height) for r in picture.renditions} == {
        ("thumb", 320, 200),
        ("medium", 640, 400),
        ("large", 640, 400),
    }


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (3000, 1), (2, 2047)])
def test_a_picture_of_any_shape_has_variants_of_at_least_one_pixel(render: Render, width: int, height: int) -> None:
    picture = render(file_of(Image.new("RGB", (width, height), "teal"), "image/png"), "image/png")

    assert all(min(r.width, r.height) >= 1 and max(r.width, r.height) <= 2048 for r in picture.renditions)
    assert picture.dominant_color == "#008080"


@pytest.mark.parametrize("content_type", ["image/jpeg", "image/webp"])
def test_a_square_is_the_middle_and_has_no_large_variant(render: Render, content_type: str) -> None:
    wide = Image.new("RGB", (4800, 2400), "black")
    wide.paste(quarters(2400, 2400), (1200, 0))

    picture = render(file_of(wide, content_type), content_type, square=True)

    assert {(r.name, r.width, r.height) for r in picture.renditions} == {("thumb", 320, 320), ("medium", 1080, 1080)}
    assert (picture.width, picture.height) == (4800, 2400)
    for name in ("thumb", "medium"):
        assert_close(pictures.corners(image_of(picture, name)), pictures.corners(quarters()))
    assert_close(image_of(picture, "medium").getpixel((3, 3)), pictures.RED, within=14)


def test_jpegs_are_progressive(render: Render) -> None:
    picture = render(file_of(quarters(), "image/jpeg"), "image/jpeg")

    assert all(image_of(picture, name).info.get("progressive") for name in ("thumb", "medium", "large"))


@pytest.mark.slow
def test_noise_at_full_size_is_encoded(render: Render) -> None:
    """Progressive encoding needs the whole file in one buffer; noise fills the largest."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (2048, 2048, 3), np.uint8))

    assert len(render(file_of(noise, "image/png", compress_level=0), "image/png").renditions) == 6


def test_large_jpegs_look_the_same_when_the_decoder_has_shrunk_them(render: Render) -> None:
    original = landscape(6400, 800)
    expected = original.resize((2048, 256), Image.Resampling.LANCZOS)

    found = image_of(render(file_of(original, "image/jpeg", quality=95), "image/jpeg"))

    error = np.asarray(found, np.float64) - np.asarray(expected, np.float64)
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 33, "decibels"


# ── The right way up ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.promise("M4")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/avif"])
def test_variants_are_upright(render: Render, content_type: str, orientation: int) -> None:
    upright = quarters()
    stored = pictures.lying(upright, orientation)

    picture = render(file_of(stored, content_type, exif=pictures.oriented(orientation), quality=90), content_type)

    assert (picture.width, picture.height) == upright.size
    assert_close(pictures.corners(image_of(picture)), pictures.corners(upright), within=16)


@pytest.mark.promise("M4")
@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_is_turned_once(render: Render, orientation: int) -> None:
    """Its container says how to turn it, and libheif does; what EXIF says besides must not turn it again."""
    upright = quarters()
    exif = pictures.oriented(orientation).tobytes()  # pillow-heif repeats in the container what bytes say, not objects
    heic = file_of(pictures.lying(upright, orientation), "image/heic", exif=exif, quality=90)
    assert (b"irot" in heic or b"imir" in heic) == (orientation > 1)

    picture = render(heic, "image/heic")

    assert (picture.width, picture.height) == upright.size
    assert_close(pictures.corners(image_of(picture)), pictures.corners(upright), within=16)


@pytest.mark.promise("M4")
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("content_type", ["image/heic", "image/avif"])
def test_exif_counts_where_the_container_declares_no_rotation(
    render: Render, content_type: str, orientation: int
) -> None:
    upright = quarters()
    stored = pictures.lying(upright, orientation)
    make = pictures.avif_with_exif if content_type == "image/avif" else pictures.heic_with_exif
    file = make(stored, orientation)
    assert b"irot" not in file
    assert b"imir" not in file

    picture = render(file, content_type)

    assert (picture.width, picture.height) == upright.size
    assert_close(pictures.corners(image_of(picture)), pictures.corners(upright), within=16)


@pytest.mark.promise("M4")
@pytest.mark.parametrize("content_type", ["image/heic", "image/avif"])
def test_the_rotation_of_the_container_overrides_exif(render: Render, content_type: str) -> None:
    make = pictures.avif_with_exif if content_type == "image/avif" else pictures.heic_with_exif
    file = pictures.with_property(make(quarters(), 6), b"irot", b"\0")

    assert_close(pictures.corners(image_of(render(file, content_type))), pictures.corners(quarters()), within=16)


# ── What was cropped away ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.promise("M4")
@pytest.mark.parametrize("content_type", ["image/heic", "image/avif"])
@pytest.mark.parametrize(
    ("size", "right", "down", "shown"),
    [
        ((48, 32), (-24, 1), (-16, 1), pictures.RED),
        ((48, 32), (24, 1), (-16, 1), pictures.GREEN),
        ((48, 32), (-24, 1), (16, 1), pictures.BLUE),
        ((46, 30), (49, 2), (33, 2), pictures.WHITE),
    ],
)
def test_what_is_outside_the_clean_aperture_is_not_shown(
    render: Render,
    content_type: str,
    size: tuple[int, int],
    right: tuple[int, int],
    down: tuple[int, int],
    shown: tuple[int, int, int],
) -> None:
    aperture = pictures.clean_aperture(*size, right=right, down=down)
    file = pictures.with_property(file_of(quarters(), content_type, quality=90), b"clap", aperture)

    picture = render(file, content_type)

    assert max(abs(picture.width - size[0]), abs(picture.height - size[1])) <= 1
    for name in ("thumb", "large"):
        image = image_of(picture, name)
        assert_close(pictures.corners(image), (shown,) * 4, within=16)
        assert_close(image.getpixel((0, 0)), shown, within=60)


@pytest.mark.promise("M4")
def test_a_picture_is_cropped_before_it_is_rotated(render: Render) -> None:
    """The left half, red above blue, lies: the top half of the upright picture."""
    aperture = pictures.clean_aperture(48, 64, right=(-24, 1), down=(0, 1))
    avif = file_of(quarters(), "image/avif", exif=pictures.oriented(6), quality=90)

    picture = render(pictures.with_property(avif, b"clap", aperture), "image/avif")

    assert (picture.width, picture.height) == (64, 48)
    blue, red = pictures.BLUE, pictures.RED
    assert_close(pictures.corners(image_of(picture)), (blue, red, blue, red), within=16)


@pytest.mark.parametrize(
    "body",
    [pictures.clean_aperture(0, 32, right=(0, 1), down=(0, 1)), bytes(32), bytes(4)],
    ids=["flat", "zero", "short"],
)
def test_an_invalid_clean_aperture_is_refused(render: Render, body: bytes) -> None:
    file = pictures.with_property(file_of(quarters(), "image/avif"), b"clap", body)

    assert refusal(render, file, "image/avif") == "image_corrupt"


# ── Files that end early ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("cut", [1, 2])
@pytest.mark.parametrize("size", [(96, 64), (400, 300)])
def test_a_jpeg_without_its_end_is_ready(render: Render, size: tuple[int, int], cut: int, progressive: bool) -> None:
    data = file_of(landscape(*size), "image/jpeg", quality=90, progressive=progressive)
    expected = image_of(render(data, "image/jpeg"))

    assert_close(image_of(render(data[:-cut], "image/jpeg")), expected, within=0)


@pytest.mark.parametrize("cut", [1, 5, 12, 15])
def test_a_png_without_its_end_is_ready(render: Render, cut: int) -> None:
    """12 bytes: the whole of IEND; 15: and a part of the checksum before."""
    data = file_of(quarters(), "image/png")

    assert_close(pictures.corners(image_of(render(data[:-cut], "image/png"))), pictures.corners(quarters()))


def test_a_webp_without_the_padding_of_its_last_chunk_is_ready(render: Render) -> None:
    odd = next(file for file in _webps() if int.from_bytes(file[16:20], "little") % 2)

    assert render(odd[:-1], "image/webp").width == 64


def _webps() -> Iterator[bytes]:
    for seed in range(50):
        yield file_of(landscape(64, 48, seed), "image/webp", lossless=True)


@pytest.mark.parametrize(
    ("content_type", "options"),
    [("image/jpeg", {}), ("image/jpeg", {"progressive": True}), ("image/png", {})],
    ids=["jpeg", "progressive", "png"],
)
@pytest.mark.parametrize("missing", [40, 200, 2_000])
def test_a_file_that_lacks_rows_is_refused(
    render: Render, content_type: str, options: dict[str, Any], missing: int
) -> None:
    data = file_of(landscape(640, 480), content_type, **options)

    assert refusal(render, data[:-missing], content_type) == "image_corrupt"


# ── The right colours ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.promise("M4")
@pytest.mark.parametrize("space", [pictures.DISPLAY_P3, pictures.ADOBE_RGB], ids=["display-p3", "adobe-rgb"])
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/heic", "image/avif"])
def test_wide_gamut_becomes_srgb(render: Render, content_type: str, space: pictures.Space) -> None:
    colour = (90, 160, 120)
    expected = pictures.in_srgb(colour, space)
    assert max(abs(a - b) for a, b in zip(colour, expected, strict=True)) > 8, "the profile makes a difference"

    file = file_of(Image.new("RGB", (64, 64), colour), content_type, icc_profile=pictures.icc(space), quality=95)

    assert_close(image_of(render(file, content_type)).getpixel((32, 32)), expected, within=4)


DISPLAY_P3, BT2020, PQ, HLG = 12, 9, 16, 18
# Light of those primaries as light of sRGB's, rounded (BT.2407 and CSS Color 4).
MATRICES = {
    DISPLAY_P3: ((1.2249, -0.2249, 0.0), (-0.0421, 1.0421, 0.0), (-0.0196, -0.0786, 1.0983)),
    BT2020: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
}


def _told_by_code_points(content_type: str, colour: tuple[int, int, int], primaries: int, transfer: int) -> bytes:
    flat = Image.new("RGB", (64, 64), colour)
    if content_type == "image/png":
        return with_chunks(file_of(flat, content_type), chunk(b"cICP", bytes([primaries, transfer, 0, 1])))
    file = file_of(flat, content_type, quality=95)
    start = file.index(b"nclx") + 4
    return file[:start] + struct.pack(">HH", primaries, transfer) + file[start + 4 :]


@pytest.mark.promise("M4")
@pytest.mark.parametrize("primaries", MATRICES)
@pytest.mark.parametrize("content_type", ["image/png", "image/heic", "image/avif"])
def test_code_points_of_a_wide_gamut_become_srgb(render: Render, content_type: str, primaries: int) -> None:
    colour = (90, 160, 120)
    light = np.array(colour) / 255
    light = np.array(MATRICES[primaries]) @ np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    light = light.clip(0, 1)
    expected = np.round(np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055) * 255)
    assert np.abs(expected - colour).max() > 20

    found = image_of(render(_told_by_code_points(content_type, colour, primaries, 13), content_type))

    assert_close(found.getpixel((32, 32)), expected, within=6)


@pytest.mark.promise("M4")
@pytest.mark.parametrize("content_type", ["image/png", "image/heic", "image/avif"])
@pytest.mark.parametrize(
    ("transfer", "level", "expected"),
    [
        (PQ, 0, 0),
        (PQ, 77, 64),  # 10 cd/m²: a twentieth of white
        (PQ, 130, 187),  # 100 cd/m²
        (PQ, 148, 229),  # 203 cd/m², white: room is left above
        (PQ, 192, 255),  # 1,000 cd/m²
        (HLG, 128, 137),
        (HLG, 191, 229),
        (HLG, 255, 255),
    ],
)
def test_hdr_is_tone_mapped(render: Render, content_type: str, transfer: int, level: int, expected: int) -> None:
    file = _told_by_code_points(content_type, (level,) * 3, BT2020, transfer)

    assert_close(image_of(render(file, content_type)).getpixel((32, 32)), (expected,) * 3, within=6)


@pytest.mark.promise("M4")
def test_hdr_keeps_hues_and_brightness_in_order(render: Render) -> None:
    ramp = np.zeros((16, 256, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(256), np.arange(256) * 0.9
    png = with_chunks(file_of(Image.fromarray(ramp), "image/png"), chunk(b"cICP", bytes([1, PQ, 0, 1])))

    found = np.asarray(image_of(render(png, "image/png")), int)[8]

    assert (np.diff(found[:, 0]) >= -3).all()
    assert (found[64:160, 0] > found[64:160, 1]).all()
    assert (found[64:160, 1] > found[64:160, 2]).all()


@pytest.mark.parametrize("code_points", [(1, 13), (2, 2), (0, 0), (200, 200), (1, 1)])
def test_code_points_of_srgb_and_unknown_ones_change_nothing(render: Render, code_points: tuple[int, int]) -> None:
    file = _told_by_code_points("image/png", (90, 160, 120), *code_points)

    assert_close(image_of(render(file, "image/png")).getpixel((32, 32)), (90, 160, 120), within=4)


@pytest.mark.promise("M4")
def test_cmyk_becomes_srgb(render: Render) -> None:
    cmyk = Image.new("CMYK", (32, 32), (0, 255, 255, 0))

    assert_close(image_of(render(file_of(cmyk, "image/jpeg", quality=95), "image/jpeg")).getpixel((9, 9)), (254, 0, 0))


@pytest.mark.promise("M4")
def test_ycck_becomes_srgb(render: Render) -> None:
    picture = render(pictures.ycck_grey(200), "image/jpeg")

    assert_close(image_of(picture).getpixel((9, 9)), (55, 55, 55))


def test_sixteen_bit_greys_keep_their_tones(render: Render) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)
    grey = Image.fromarray(np.tile(ramp, (32, 1)))
    assert grey.mode == "I;16"

    found = image_of(render(file_of(grey, "image/png"), "image/png"))

    for x in (5, 64, 128, 192, 250):
        assert_close(found.getpixel((x, 16)), (ramp[x] // 256,) * 3, within=3)


def _half_transparent(mode: str) -> Image.Image:
    """Blue to the left, nothing (black of no opacity) to the right."""
    image = Image.new("RGBA", (64, 32), (0, 0, 0, 0))
    image.paste((20, 20, 230, 255), (0, 0, 32, 32))
    if mode == "P":
        palette = Image.new("P", (64, 32), 1)
        palette.putpalette([20, 20, 230, 0, 0, 0])
        palette.paste(0, (0, 0, 32, 32))
        palette.info["transparency"] = 1
        return palette
    return image.convert(mode)


@pytest.mark.parametrize(
    ("content_type", "mode", "left"),
    [
        ("image/png", "RGBA", pictures.BLUE),
        ("image/webp", "RGBA", pictures.BLUE),
        ("image/avif", "RGBA", pictures.BLUE),
        ("image/heic", "RGBA", pictures.BLUE),
        ("image/gif", "P", pictures.BLUE),
        ("image/png", "P", pictures.BLUE),
        ("image/png", "LA", (43, 43, 43)),
    ],
)
@pytest.mark.parametrize("encoding", ["image/jpeg", "image/webp"])
def test_transparency_becomes_white(
    render: Render, content_type: str, mode: str, left: tuple[int, int, int], encoding: str
) -> None:
    options = {"quality": 95} if content_type == "image/heic" else {}

    found = image_of(render(file_of(_half_transparent(mode), content_type, **options), content_type), "large", encoding)

    assert found.mode == "RGB"
    assert_close(found.getpixel((8, 16)), left, within=12)
    assert_close(found.getpixel((56, 16)), (255, 255, 255), within=4)


@pytest.mark.parametrize(
    ("mode", "depth", "transparent", "opaque"),
    [
        (0, 1, 1, 0),
        (0, 2, 2, 1),
        (0, 4, 9, 3),
        (0, 8, 200, 90),
        (0, 16, 40_000, 40_001),
        (2, 8, (10, 20, 30), (200, 20, 30)),
        (2, 16, (2_600, 5_200, 7_900), (50_000, 5_200, 7_900)),
    ],
    ids=str,
)
def test_a_transparent_colour_becomes_white(
    render: Render, mode: int, depth: int, transparent: Any, opaque: Any
) -> None:
    """`mode`: grey (0) or RGB (2), as in the header of a PNG."""
    found = image_of(render(pictures.png_with_transparent_colour(mode, depth, transparent, opaque), "image/png"))

    samples = opaque if isinstance(opaque, tuple) else (opaque,) * 3
    assert_close(found.getpixel((48, 16)), (255, 255, 255), within=4)
    assert_close(found.getpixel((8, 16)), [round(value * 255 / (2**depth - 1)) for value in samples], within=10)


def test_black_and_white_of_one_bit_becomes_grey(render: Render) -> None:
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (640, 320))).convert("1")

    found = image_of(render(file_of(stripes, "image/png"), "image/png"), "thumb")

    assert_close(found.getpixel((160, 160)), (128, 128, 128), within=12)


@pytest.mark.parametrize("content_type", ["image/gif", "image/webp", "image/png", "image/avif"])
def test_first_frame_of_an_animation_is_used(render: Render, content_type: str) -> None:
    first, second = Image.new("RGB", (64, 64), pictures.GREEN), Image.new("RGB", (64, 64), pictures.RED)
    file = file_of(first, content_type, save_all=True, append_images=[second, second], duration=100)

    assert_close(image_of(render(file, content_type)).getpixel((32, 32)), pictures.GREEN, within=10)


@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("image/gif", pictures.many_frames_gif(1_000)),
        ("image/webp", pictures.many_frames_webp(1_000)),
        ("image/png", pictures.hidden_png(file_of(quarters(), "image/png"), 1_000)),
    ],
)
def test_a_long_animation_is_shown_by_its_first_frame(render: Render, content_type: str, data: bytes) -> None:
    assert render(data, content_type).width


@pytest.mark.parametrize("content_type", ["image/gif", "image/webp"])
def test_later_frames_are_not_read(render: Render, content_type: str) -> None:
    first, second = Image.new("RGB", (64, 64), pictures.GREEN), landscape(64, 64)
    film = file_of(first, content_type, save_all=True, append_images=[second, second], duration=100)

    assert_close(image_of(render(film[:-100], content_type)).getpixel((32, 32)), pictures.GREEN, within=10)


# ── No metadata ───────────────────────────────────────────────────────────────────────────────────────────────────


def _told(content_type: str) -> bytes:
    """A file that tells everything in every place its type has for it."""
    image, exif = landscape(400, 300), pictures.telling()
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + SECRET + b"</x:xmpmeta>"
    if content_type == "image/jpeg":
        told = with_segments(
            file_of(
                image, content_type, exif=exif, xmp=xmp, comment=SECRET, icc_profile=pictures.icc(pictures.ADOBE_RGB)
            ),
            segment(0xED, b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET),
            segment(0xE2, b"MPF\0II*\0\x08\0\0\0" + SECRET),
            segment(0xE2, b"FPXR\0" + SECRET),
            segment(0xEB, SECRET),
        )
    elif content_type == "image/png":
        told = with_chunks(
            file_of(image, content_type, exif=exif, icc_profile=pictures.icc(pictures.DISPLAY_P3)),
            chunk(b"tEXt", b"Comment\0" + SECRET),
            chunk(b"zTXt", b"Comment\0\0" + zlib.compress(SECRET)),
            chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp),
            chunk(b"tIME", struct.pack(">H5B", 2026, 1, 1, 0, 0, 0)),
            chunk(b"abCd", SECRET),
        )
    elif content_type == "image/gif":
        told = file_of(image.quantize(), content_type, comment=SECRET)
    else:
        told = file_of(image, content_type, exif=exif, xmp=xmp)
    return told + SECRET


@pytest.mark.promise("M4")
@pytest.mark.parametrize("content_type", TYPES)
def test_variants_carry_no_metadata(render: Render, content_type: str) -> None:
    file = _told(content_type)
    assert SECRET in file

    picture = render(file, content_type)

    for data in files_of(picture):
        assert SECRET not in data
        assert b"Exif" not in data
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            assert not image.getexif()
            assert not {"exif", "xmp", "icc_profile", "comment", "photoshop", "mp"} & set(image.info)


@pytest.mark.promise("M4")
@pytest.mark.parametrize("content_type", TYPES)
def test_variants_consist_of_nothing_but_the_picture(render: Render, content_type: str) -> None:
    for rendition in render(_told(content_type), content_type).renditions:
        data = rendition.path.read_bytes()
        if rendition.content_type == "image/webp":
            assert data[12:16] == b"VP8 "
            assert len(data) == 8 + int.from_bytes(data[4:8], "little") == 20 + int.from_bytes(data[16:20], "little")
        else:
            assert _markers(data) <= {0xE0, 0xDB, 0xC2, 0xC4, 0xDA}, "JFIF, tables, frame, scans"
            assert data.endswith(b"\xff\xd9")
            assert data.count(b"\xff\xd9") == 1


def _markers(jpeg: bytes) -> set[int]:
    found, position = set(), 2
    while position < len(jpeg):
        if jpeg[position] != 0xFF or jpeg[position + 1] == 0 or 0xD0 <= jpeg[position + 1] <= 0xD9:
            position += 1
            continue
        found.add(jpeg[position + 1])
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4])
    return found


# ── Broken metadata never fails a good picture ────────────────────────────────────────────────────────────────────

PHP_ORIENTATION = b"Exif\0\0MM\0*" + struct.pack(">IHHHI", 8, 1, 274, 2, 40) + struct.pack(">I", 26) + b"<?php" * 8


def _broken_avif() -> bytes:
    return file_of(quarters(), "image/avif", exif=pictures.oriented(6)).replace(b"MM\0*", b"????")


def _broken_heic() -> bytes:
    return file_of(quarters(), "image/heic", exif=pictures.telling()).replace(b"MM\0*", b"????")


@pytest.mark.promise("M3")
@pytest.mark.parametrize(
    ("content_type", "make"),
    [
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE1, b"Exif\0\0MM\0*\xff\xff\xff\xff"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE1, b"Exif\0\0garbage"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE1, PHP_ORIENTATION))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE2, b"MPF\0"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE2, b"ICC_PROFILE\0"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE2, b"ICC_PROFILE\0\x01\x01garbage"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xE0, b"JFIF\0"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xEE, b"Adobe"))),
        ("image/jpeg", lambda jpeg: with_segments(jpeg, segment(0xED, b"Photoshop 3.0\x008BIM"))),
        ("image/png", lambda png: with_chunks(png, chunk(b"eXIf", b"garbage"))),
        ("image/png", lambda png: with_chunks(png, chunk(b"eXIf", PHP_ORIENTATION[6:]))),
        ("image/png", lambda png: with_chunks(png, chunk(b"iCCP", b"name\0\0garbage"))),
        ("image/png", lambda png: with_chunks(png, chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(5_000_000))))),
        ("image/png", lambda png: with_chunks(png, chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(5_000_000))))),
        ("image/png", lambda png: with_chunks(png, chunk(b"pHYs", b"?"), chunk(b"gAMA", b""), chunk(b"cHRM", b"?"))),
        ("image/png", lambda png: with_chunks(png, chunk(b"tEXt", SECRET)[:-4] + b"crc?")),
        ("image/png", lambda png: with_chunks(png, chunk(b"acTL", b""), chunk(b"fcTL", b"?"))),
        ("image/avif", lambda _: _broken_avif()),
        ("image/heic", lambda _: _broken_heic()),
        ("image/webp", lambda _: file_of(quarters(), "image/webp", exif=b"Exif\0\0garbage")),
        ("image/webp", lambda _: file_of(quarters(), "image/webp", icc_profile=b"garbage")),
    ],
)
def test_broken_metadata_never_fails_a_good_picture(
    render: Render, content_type: str, make: Callable[[bytes], bytes]
) -> None:
    broken = make(file_of(quarters(), content_type))

    picture = render(broken, content_type)

    assert sorted((picture.width, picture.height)) == [64, 96]
    assert len(picture.renditions) == 6


# ── Refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.promise("M2")
@pytest.mark.parametrize("declared_type", ACCEPTED_TYPES)
@pytest.mark.parametrize("content_type", TYPES)
def test_content_must_be_of_the_declared_type(render: Render, content_type: str, declared_type: str) -> None:
    if ACCEPTED_TYPES[content_type] == ACCEPTED_TYPES[declared_type]:
        return
    assert refusal(render, file_of(quarters(), content_type), declared_type) == "image_type_mismatch"


@pytest.mark.promise("M2")
@pytest.mark.parametrize(
    "data",
    [pictures.HTML, pictures.SVG, pictures.PSD, pictures.EPS, pictures.tiff(), b"%PDF-1.7\n", b"\0\0\0\x14ftypisom"],
    ids=["html", "svg", "psd", "eps", "tiff", "pdf", "mp4"],
)
def test_other_content_is_unsupported_with_any_declared_type(render: Render, data: bytes) -> None:
    assert refusal(render, data, "image/jpeg") == "image_unsupported"


@pytest.mark.parametrize("data", [b"", b"\0", b"hello, this is no picture", bytes(10_000), b"\xff\xd8\xff"])
def test_other_data_is_corrupt(render: Render, data: bytes) -> None:
    assert refusal(render, data, "image/jpeg") == "image_corrupt"


@pytest.mark.parametrize("content_type", TYPES)
@pytest.mark.parametrize("kept", [0.3, 0.9])
def test_a_truncated_file_is_corrupt(render: Render, content_type: str, kept: float) -> None:
    whole = file_of(landscape(320, 240), content_type)

    assert refusal(render, whole[: int(len(whole) * kept)], content_type) == "image_corrupt"


@pytest.mark.promise("M1")
@pytest.mark.parametrize(
    ("content_type", "data"),
    [
        ("image/webp", pictures.flat_webp(9400)),
        ("image/png", pictures.claiming(file_of(quarters(), "image/png"), 9400, 9400)),
        ("image/png", pictures.claiming(file_of(quarters(), "image/png"), 2**31 - 1, 2**31 - 1)),
        ("image/png", pictures.claiming(file_of(quarters(), "image/png"), 1, 64_000_000)),
        ("image/jpeg", pictures.many_scans(12, side=9400)),
        ("image/jpeg", pictures.many_scans(1000)),
        ("image/jpeg", pictures.many_scans(85, side=8000)),
        ("image/jpeg", pictures.many_scans(12, side=8000)),
        ("image/heic", pictures.claiming_boxes(file_of(quarters(), "image/heic"), 9400, 9400)),
        ("image/avif", pictures.claiming_boxes(file_of(quarters(), "image/avif"), 9400, 9400)),
    ],
    ids=["webp", "png", "png-2^62", "png-tall", "jpeg", "scans", "85-scans", "12-scans", "heic", "avif"],
)
def test_too_large_picture_is_refused_before_it_is_decoded(
    render: Render, content_type: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imaging, "DECODERS", {})

    assert refusal(render, data, content_type) == "image_too_large"


@pytest.mark.promise("M1")
@pytest.mark.parametrize("content_type", ["image/jpeg", "image/png", "image/webp", "image/avif", "image/heic"])
def test_a_file_of_too_many_parts_is_refused_before_it_is_decoded(content_type: str) -> None:
    with pytest.raises(TooManyParts):
        inspect(pictures.many_parts(content_type), Limits())


@pytest.mark.promise("M1")
@pytest.mark.parametrize("end", [b"", b"\0", b"\xd9"], ids=["nothing", "stuffed", "end"])
def test_fill_bytes_of_a_jpeg_are_skipped_in_linear_time(end: bytes) -> None:
    """Two million of them take milliseconds; 40,000 would take 20 seconds in quadratic time."""
    file = pictures.many_scans(12).removesuffix(b"\xff\xd9")
    started = time.process_time()

    assert inspect(file + b"\xff" * 2_000_000 + end, Limits()).size

    assert time.process_time() - started < 2


@pytest.mark.promise("M1")
def test_a_heic_that_claims_fewer_pixels_than_it_has_is_refused(render: Render) -> None:
    file = pictures.claiming_boxes(file_of(quarters(), "image/heic"), 16, 16)

    assert refusal(render, file, "image/heic", limits=Limits(max_pixels=6_000)) == "image_corrupt"


@pytest.mark.promise("M1")
def test_a_file_over_the_limit_of_bytes_is_not_read(render: Render) -> None:
    data = file_of(quarters(), "image/jpeg")

    assert refusal(render, data, "image/jpeg", limits=Limits(max_bytes=len(data) - 1)) == "image_too_large"


def test_the_limits_themselves_are_allowed(render: Render) -> None:
    exact = Limits(max_pixels=96 * 64, max_scans=20, max_scan_megapixels=1)

    assert render(file_of(quarters(), "image/png"), "image/png", limits=exact)
    assert render(pictures.many_scans(20), "image/jpeg", limits=exact)


@pytest.mark.promise("M1")
def test_the_time_limit_grows_with_the_pixels_that_are_allowed() -> None:
    """A HEIC of 48 megapixels was measured to take 4.4 seconds of CPU; other machines take three times as long."""
    small, large = (Limits(max_pixels=megapixels * 1_000_000) for megapixels in (12, 48))

    assert large.cpu_seconds > 3 * 4.4
    assert 3 < small.cpu_seconds < large.cpu_seconds
    assert large.wall_seconds > large.cpu_seconds
    assert Limits(cpu_seconds=1).cpu_seconds == 1


@pytest.mark.promise("M1")
@pytest.mark.parametrize(("scans", "side"), [(10, 8000), (10, 6900), (100, 2600)])
def test_honest_numbers_of_scans_are_within_the_limit(scans: int, side: int) -> None:
    """Encoders write ten scans at most; editors that write more make smaller pictures."""
    Limits().check(width=side, height=side, scans=scans)


@pytest.mark.promise("M1")
def test_forty_megapixels_are_within_the_limit(render: Render) -> None:
    assert render(pictures.flat_png(8000, 5000), "image/png").width == 8000


@pytest.mark.promise("M5")
@pytest.mark.parametrize("content_type", TYPES)
def test_variants_do_not_contain_hidden_data_of_a_polyglot(render: Render, content_type: str) -> None:
    archive = b"PK\x03\x04" + pictures.HTML + b"PK\x05\x06" + bytes(18)

    picture = render(file_of(quarters(), content_type) + archive, content_type)

    assert all(b"<script" not in data and b"PK\x03\x04" not in data for data in files_of(picture))


@pytest.mark.promise("M5")
def test_a_script_in_a_comment_is_not_in_the_variants(render: Render) -> None:
    jpeg = with_segments(file_of(quarters(), "image/jpeg"), segment(0xFE, b"*/=1;" + pictures.HTML))

    assert all(b"<script" not in data for data in files_of(render(jpeg, "image/jpeg")))


@pytest.mark.promise("M3")
def test_every_exception_of_a_decoder_is_a_refusal(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    raised = [
        RuntimeError,
        IndexError,
        struct.error,
        SyntaxError,
        EOFError,
        TypeError,
        zlib.error,
        UserWarning,
        OSError,
    ]
    for kind in raised:
        monkeypatch.setattr(imaging, "_opened", _raising(kind("/srv/secret/path")))
        assert refusal(render, file_of(quarters(), "image/jpeg"), "image/jpeg") == "image_corrupt"
    monkeypatch.setattr(imaging, "_opened", _raising(MemoryError()))
    assert refusal(render, file_of(quarters(), "image/jpeg"), "image/jpeg") == "image_too_large"


def _raising(error: Exception) -> Callable[..., Any]:
    def opened(*_: object, **__: object) -> None:
        raise error

    return opened


def test_full_disk_is_not_an_error_of_the_picture(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imaging, "write", _raising(OSError("No space left on device")))

    with pytest.raises(OSError, match="No space"):
        render(file_of(quarters(), "image/png"), "image/png")


# ── Mutations ─────────────────────────────────────────────────────────────────────────────────────────────────────

SEEDS = [
    *((kind, file_of(landscape(48, 32), kind)) for kind in TYPES),
    ("image/jpeg", _told("image/jpeg")),
    ("image/jpeg", file_of(landscape(48, 32), "image/jpeg", progressive=True)),
    ("image/png", _told("image/png")),
    ("image/webp", file_of(landscape(48, 32), "image/webp", lossless=True, exif=pictures.telling())),
    ("image/webp", pictures.many_frames_webp(3)),
]


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderPool]:
    pool = RenderPool()
    yield pool
    pool.close()


@st.composite
def mutants(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good file with bytes changed, cut out, repeated or put in, mostly near its head."""
    content_type, seed = draw(st.sampled_from(SEEDS))
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        span = draw(st.sampled_from([64, 700, len(data)]))
        at = draw(st.integers(0, max(0, min(span, len(data)) - 1)))
        piece = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"]))
        match draw(st.sampled_from(["change", "insert", "cut", "truncate", "repeat"])):
            case "change":
                data[at : at + len(piece)] = piece
            case "insert":
                data[at:at] = piece
            case "cut":
                del data[at : at + draw(st.integers(1, 40))]
            case "truncate":
                del data[at:]
            case "repeat":
                data[at:at] = data[at : at + draw(st.integers(1, 200))] * draw(st.integers(1, 20))
    return content_type, bytes(data)


@pytest.mark.slow
@pytest.mark.promise("M3")
@settings(max_examples=500, deadline=None, database=None)
@given(mutant=mutants())
def test_mutated_file_is_either_processed_or_refused(
    pool: RenderPool, tmp_path_factory: pytest.TempPathFactory, mutant: tuple[str, bytes]
) -> None:
    content_type, data = mutant
    folder = tmp_path_factory.mktemp("mutant")
    source = folder / "original"
    source.write_bytes(data)
    codes = set()
    try:
        picture = pool.render(source, declared_type=content_type, into=folder, square=False, limits=Limits())
    except ImagingError as error:
        codes.add(error.code)
    else:
        assert all(rendition.path.stat().st_size for rendition in picture.renditions)
    assert codes <= set(ImagingError.DETAILS)


# ── While the picture loads ───────────────────────────────────────────────────────────────────────────────────────


def test_the_dominant_colour_is_the_commonest_and_not_the_mean(render: Render) -> None:
    sky = Image.new("RGB", (300, 200), (40, 110, 200))
    sky.paste((240, 200, 30), (0, 0, 100, 200))

    colour = render(file_of(sky, "image/png"), "image/png").dominant_color

    assert_close([int(colour[i : i + 2], 16) for i in (1, 3, 5)], (40, 110, 200))


@pytest.mark.parametrize(("size", "components"), [((300, 200), (4, 3)), ((200, 300), (3, 4)), ((200, 200), (4, 3))])
def test_the_blurhash_has_more_components_along_the_longer_side(
    render: Render, size: tuple[int, int], components: tuple[int, int]
) -> None:
    hashed = render(file_of(quarters(*size), "image/png"), "image/png").blurhash

    flag = blurhash.DIGITS.index(hashed[0])
    assert (flag % 9 + 1, flag // 9 + 1) == components
    assert len(hashed) == 4 + 2 * 12


# From the reference encoder in C (woltapp/blurhash, as packaged by blurhash-python 1.2.2) for the pixels of the test.
VECTORS = [
    (16, 12, 4, 3, "LsF?FQDGb?ogBbnPj@a_b0jufQfR"),
    (12, 16, 3, 4, "TsHBxnQKS{78WAsnWtsVWpt6R,oK"),
    (32, 21, 4, 3, "LxHLbwdNkmnmxONaOCfOSQFJwxsV"),
    (1, 1, 4, 3, "L00000fQfQfQfQfQfQfQfQfQfQfQ"),
]


@pytest.mark.parametrize(("width", "height", "columns", "rows", "expected"), VECTORS)
def test_blurhash_equals_that_of_the_reference_encoder(
    width: int, height: int, columns: int, rows: int, expected: str
) -> None:
    pixels = bytes(
        value
        for y in range(height)
        for x in range(width)
        for value in ((x * 7 + y * 13) % 256, x * 255 // width, y * 255 // height)
    )
    assert blurhash.encode(pixels, width=width, height=height, columns=columns, rows=rows) == expected


@pytest.mark.parametrize(("colour", "expected"), [("black", "000000"), ("white", "00TSUA"), ("#ff0000", "00TI:j")])
def test_the_blurhash_of_one_colour_is_that_colour(colour: str, expected: str) -> None:
    pixels = Image.new("RGB", (8, 6), colour).tobytes()

    assert blurhash.encode(pixels, width=8, height=6, columns=1, rows=1) == expected
