"""A camera for the demo data: photographs of scenes that never were, with all that a real file carries.

Every photograph follows from its seed. Files are JPEG, 1600 to 2400 pixels on the longest side, sRGB, and hold the
metadata that the pipeline must strip: camera, time, place, a comment; some lie on their side, with an EXIF orientation
that says so.
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
# Scenes are drawn at this share of the file's resolution; a lens resolves no more either.
SHARPNESS = {"skyline": 0.75, "facade": 0.75, "milky_way": 0.75}
USUAL_SHARPNESS = 0.58
SHAPES = [(3, 2), (3, 2), (4, 3), (16, 9), (1, 1), (4, 5), (2, 3), (3, 4)]
NEVER_UPRIGHT = {"skyline", "clouds", "dunes", "lake"}
GOOD_IN_BLACK_AND_WHITE = {"forest", "mountains", "dunes", "facade", "lake", "field"}
CAMERAS = [
    ("FUJIFILM", "X-T4"),
    ("Canon", "EOS R6"),
    ("NIKON CORPORATION", "Z 6_2"),
    ("Google", "Pixel 8"),
    ("Apple", "iPhone 15"),
]
ROTATED_90 = 6  # "turn me clockwise": TIFF 6.0, tag 274


@dataclass(frozen=True)
class Photograph:
    """A JPEG file as a camera writes it. `width` and `height` are those of the upright picture."""

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
    on_its_side: bool | None = None,
) -> Photograph:
    """The photograph of `scene` that follows from `seed`.

    `shape` is its aspect ratio, `longest` its longest side in pixels, `on_its_side` whether the pixels are turned
    and the EXIF orientation says so; each is the seed's choice if not given.
    """
    rng = np.random.default_rng([seed, sorted(SCENES).index(scene)])
    across, down = shape or _framed(rng, scene)
    longest = longest or int(rng.integers(200, 301)) * 8
    scale = longest / max(across, down)
    width, height = round(across * scale), round(down * scale)
    sharpness = SHARPNESS.get(scene, USUAL_SHARPNESS)
    seen = SCENES[scene](rng, round(height * sharpness), round(width * sharpness))
    black_and_white = scene in GOOD_IN_BLACK_AND_WHITE and rng.uniform() < 0.15
    image = Image.fromarray(_developed(rng, seen, height, width, black_and_white=black_and_white))
    exif = _metadata(rng)
    if rng.uniform() < 0.2 if on_its_side is None else on_its_side:
        image, exif[ExifTags.Base.Orientation] = image.transpose(Image.Transpose.ROTATE_90), ROTATED_90
    file = io.BytesIO()
    image.save(file, "JPEG", quality=90, subsampling="4:2:0", exif=exif, comment=b"Straight out of camera")
    return Photograph(scene, file.getvalue(), width, height)


def _framed(rng: np.random.Generator, scene: str) -> tuple[int, int]:
    shapes = [(w, h) for w, h in SHAPES if w >= h] if scene in NEVER_UPRIGHT else SHAPES
    return shapes[int(rng.integers(len(shapes)))]


def _developed(rng: np.random.Generator, seen: Picture, height: int, width: int, *, black_and_white: bool) -> Picture:
    """Tone curve, colour grading, vignette, then full size and film grain, as 8-bit sRGB."""
    shoulder = 0.8
    bright = np.maximum(seen - shoulder, 0)
    picture = np.minimum(np.maximum(seen, 0), shoulder) + (1 - shoulder) * (1 - np.exp(-bright / (1 - shoulder)))
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
    """Film grain, a patch of it laid side by side: nobody sees the seams of noise."""
    side = 512
    patch = rng.standard_normal((side, side), dtype=np.float32)
    soft = (patch + np.roll(patch, 1, 0) + np.roll(patch, 1, 1) + np.roll(patch, (1, 1), (0, 1))) / 2
    tiles = (height // side + 1, width // side + 1)
    return np.tile((soft * strength).astype(np.int16), tiles)[:height, :width]


def _metadata(rng: np.random.Generator) -> Image.Exif:
    """What a camera writes about a photograph, its place on earth included."""
    make, model = CAMERAS[int(rng.integers(len(CAMERAS)))]
    moment = datetime(2025, 5, 1, tzinfo=UTC) + timedelta(minutes=int(rng.integers(60 * 24 * 365)))
    stamp = moment.strftime("%Y:%m:%d %H:%M:%S")
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
