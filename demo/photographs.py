"""Renders photographs of invented scenes, with the metadata of real files.

The seed determines the photograph. Files are JPEG in sRGB, 1600 to 2400 pixels on the longest side, and contain the
metadata that the pipeline must strip: camera, time, place, a comment. Some are stored rotated, with an EXIF orientation
tag.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import ExifTags, Image

from demo import scenes
from demo.light import Picture, Plane, rgb

SCENES: dict[str, Callable[[np.random.Generator, int, int], Picture]] = {
    "mountains": scenes.mountains,
    "lake": scenes.lake,
    "sea": scenes.sea,
    "milky_way": scenes.milky_way,
    "aurora": scenes.aurora,
    "dunes": scenes.dunes,
    "forest": scenes.forest,
    "clouds": scenes.sea_of_clouds,
    "field": scenes.field,
    "skyline": scenes.skyline,
    "facade": scenes.facade,
    "rain": scenes.rain,
    "shore": scenes.shore,
    "oranges": scenes.oranges,
    "coffee": scenes.coffee,
}
# Scenes are drawn at this fraction of the resolution of the file, like the limited sharpness of a lens.
SHARPNESS = {"skyline": 0.75, "facade": 0.75, "milky_way": 0.75}
USUAL_SHARPNESS = 0.58
SHAPES = [(3, 2), (3, 2), (4, 3), (16, 9), (1, 1), (4, 5), (2, 3), (3, 4)]
LANDSCAPE_ONLY = {"skyline", "clouds", "dunes", "lake"}
GOOD_IN_BLACK_AND_WHITE = {"forest", "mountains", "dunes", "facade", "lake", "field"}
CAMERAS = [
    ("FUJIFILM", "X-T4"),
    ("Canon", "EOS R6"),
    ("NIKON CORPORATION", "Z 6_2"),
    ("Google", "Pixel 8"),
    ("Apple", "iPhone 15"),
]
ROTATED_90 = 6  # rotate clockwise for display: TIFF 6.0, tag 274


@dataclass(frozen=True)
class Photograph:
    """A JPEG file like that of a camera. `width` and `height` are those of the upright picture."""

    scene: str
    jpeg: bytes
    width: int
    height: int


def take(
    scene: str,
    seed: int,
    *,
    shape: tuple[int, int] | None = None,
    longest: int | None = None,
    rotated: bool | None = None,
) -> Photograph:
    """Render the photograph of `scene` that `seed` determines.

    `shape` is the aspect ratio, `longest` the longest side in pixels, `rotated` whether the file is stored rotated with
    an EXIF orientation tag. The seed determines those that are not given.
    """
    rng = np.random.default_rng([seed, sorted(SCENES).index(scene)])
    across, down = shape or _choose_shape(rng, scene)
    longest = longest or int(rng.integers(200, 301)) * 8
    scale = longest / max(across, down)
    width, height = round(across * scale), round(down * scale)
    sharpness = SHARPNESS.get(scene, USUAL_SHARPNESS)
    picture = SCENES[scene](rng, round(height * sharpness), round(width * sharpness))
    black_and_white = scene in GOOD_IN_BLACK_AND_WHITE and rng.uniform() < 0.15
    image = Image.fromarray(_develop(rng, picture, height, width, black_and_white=black_and_white))
    exif = _metadata(rng)
    if rng.uniform() < 0.2 if rotated is None else rotated:
        image, exif[ExifTags.Base.Orientation] = image.transpose(Image.Transpose.ROTATE_90), ROTATED_90
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, subsampling="4:2:0", exif=exif, comment=b"Straight out of camera")
    return Photograph(scene, file.getvalue(), width, height)


def _choose_shape(rng: np.random.Generator, scene: str) -> tuple[int, int]:
    shapes = [(w, h) for w, h in SHAPES if w >= h] if scene in LANDSCAPE_ONLY else SHAPES
    return shapes[int(rng.integers(len(shapes)))]


def _develop(rng: np.random.Generator, scene: Picture, height: int, width: int, *, black_and_white: bool) -> Picture:
    """Apply tone curve, colour grading and vignette, scale to full size, add film grain; 8-bit sRGB."""
    shoulder = 0.8
    bright = np.maximum(scene - shoulder, 0)
    picture = np.minimum(np.maximum(scene, 0), shoulder) + (1 - shoulder) * (1 - np.exp(-bright / (1 - shoulder)))
    luma = picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    if black_and_white:
        picture = np.repeat(luma[..., None] ** 1.08, 3, axis=-1)
    else:
        warm, cool = rgb("ffdcb4"), rgb("a9c6dd")
        toning = (luma[..., None] - 0.5) * (warm - cool) * rng.uniform(0.0, 0.16)
        saturation = rng.uniform(0.86, 1.04)
        picture = luma[..., None] + (picture - luma[..., None]) * saturation + toning
    matte = rng.uniform(0, 0.035)
    picture = matte + (1 - matte) * picture
    rows, columns = picture.shape[:2]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    picture *= (1 - rng.uniform(0.06, 0.2) * (x * x + y * y) ** 1.3 / 2)[..., None]
    full = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
    pixels = np.asarray(full.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    grained = pixels + _grain(rng, height, width, rng.uniform(2.0, 4.5))[..., None]
    return np.clip(grained, 0, 255).astype(np.uint8)


def _grain(rng: np.random.Generator, height: int, width: int, strength: float) -> Plane:
    """Film grain: tiles of one patch of noise."""
    side = 512
    patch = rng.standard_normal((side, side), dtype=np.float32)
    soft = (patch + np.roll(patch, 1, 0) + np.roll(patch, 1, 1) + np.roll(patch, (1, 1), (0, 1))) / 2
    tiles = (height // side + 1, width // side + 1)
    return np.tile((soft * strength).astype(np.int16), tiles)[:height, :width]


def _metadata(rng: np.random.Generator) -> Image.Exif:
    """The metadata that a camera writes, including the location."""
    make, model = CAMERAS[int(rng.integers(len(CAMERAS)))]
    taken_at = datetime(2025, 5, 1, tzinfo=UTC) + timedelta(minutes=int(rng.integers(60 * 24 * 365)))
    stamp = taken_at.strftime("%Y:%m:%d %H:%M:%S")
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = make, model
    exif[ExifTags.Base.DateTime], exif[ExifTags.Base.Software] = stamp, "1.0"
    exif[ExifTags.Base.Artist] = "Owner of the camera"
    exif[ExifTags.Base.Orientation] = 1
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = stamp
    details[ExifTags.Base.ISOSpeedRatings] = int(rng.choice([100, 200, 400, 800, 3200]))
    details[ExifTags.Base.FNumber] = float(rng.choice([1.8, 2.8, 4.0, 8.0]))
    details[ExifTags.Base.ExposureTime] = 1 / float(rng.choice([30, 125, 250, 1000]))
    details[ExifTags.Base.BodySerialNumber] = str(int(rng.integers(10**7, 10**8)))
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLongitudeRef] = "N", "E"
    place[ExifTags.GPS.GPSLatitude] = _degrees(rng.uniform(44, 61))
    place[ExifTags.GPS.GPSLongitude] = _degrees(rng.uniform(1, 24))
    return exif


def _degrees(angle: float) -> tuple[float, float, float]:
    """Degrees, minutes and seconds."""
    minutes = angle % 1 * 60
    return float(int(angle)), float(int(minutes)), round(minutes % 1 * 60, 2)
