"""From an uploaded file to its variants: pure picture work, without Django, run in a child process (`sandbox.py`).

Nothing declared is trusted: the type is told by the first bytes; dimensions, frames and scans are bounded before a
pixel is decoded; whatever a decoder raises is an ImagingError with a code. Variants are upright, in sRGB, 8 bits a
channel, on white where the original was transparent, and carry no metadata at all.
"""

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

import pillow_heif
from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from apps.media import blurhash

pillow_heif.options.DECODE_THREADS = 1
pillow_heif.register_heif_opener()
# Our own limit, checked before decoding, takes the place of Pillow's.
Image.MAX_IMAGE_PIXELS = None
ImageFile.LOAD_TRUNCATED_IMAGES = False

# Declared type → the one Pillow format that may read it.
FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
}
# Longest side in pixels, largest first: each variant is made from the one before.
SIDES = {"large": 2048, "medium": 1080, "thumb": 320}
SQUARE_SIDES = {"medium": 1080, "thumb": 320}
# WebP 80 and JPEG 82 look alike to the eye; progressive JPEGs show something early on a slow line.
ENCODINGS: dict[str, tuple[str, str, dict[str, object]]] = {
    "image/webp": ("WEBP", "webp", {"quality": 80, "method": 4}),
    "image/jpeg": ("JPEG", "jpg", {"quality": 82, "progressive": True, "optimize": True, "subsampling": "4:2:0"}),
}
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@dataclass(frozen=True)
class Limits:
    """What a file may cost: pixels of a frame, frames, JPEG scans; seconds by the wall and of CPU; bytes of memory."""

    max_pixels: int = 64_000_000
    max_frames: int = 200
    max_scans: int = 100
    seconds: float = 20
    cpu_seconds: int = 15
    memory_bytes: int = 1024 * 1024 * 1024


@dataclass(frozen=True)
class Rendition:
    name: str
    content_type: str
    width: int
    height: int
    bytes: int
    path: Path


@dataclass(frozen=True)
class Picture:
    """`width` and `height` are the upright original's."""

    width: int
    height: int
    blurhash: str
    dominant_color: str
    renditions: list[Rendition]


class ImagingError(Exception):
    """A file that is not made into variants. `code` is stable, `detail` fit for its owner's eyes."""

    DETAILS = {
        "image_too_large": "The picture has too many pixels, frames or scans.",
        "image_corrupt": "The file is damaged or incomplete.",
        "image_type_mismatch": "The file is not of the type that was declared.",
        "image_unsupported": "This kind of picture is not supported.",
        "processing_timeout": "The picture took too long to process.",
    }

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
        self.detail = self.DETAILS[code]


def sniff(head: bytes) -> str | None:
    """The type that the first bytes tell, among those we accept; None for anything else."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[4:8] == b"ftyp":
        length = min(int.from_bytes(head[:4]), len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, length, 4))}
        if brands & {b"avif", b"avis"}:
            return "image/avif"
        if brands & {b"heic", b"heix", b"heim", b"heis", b"mif1"}:
            return "image/heic"
    return None


def render(source: Path, *, declared_type: str, into: Path, square: bool = False, limits: Limits) -> Picture:
    """Write the variants of `source` into the folder `into`. Raises ImagingError, and nothing else."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _render(source, declared_type, into, square, limits)
    except ImagingError:
        raise
    except MemoryError as error:
        raise ImagingError("image_too_large") from error
    except Exception as error:  # decoders raise a dozen unrelated types; each means the same to the owner
        raise ImagingError("image_corrupt") from error


def _render(source: Path, declared_type: str, into: Path, square: bool, limits: Limits) -> Picture:
    data = source.read_bytes()
    if sniff(data[:256]) != declared_type:
        raise ImagingError("image_type_mismatch")
    _check_structure(data, declared_type, limits)
    try:
        picture = Image.open(io.BytesIO(data), formats=[FORMATS[declared_type]])
    except UnidentifiedImageError as error:
        raise ImagingError("image_corrupt") from error
    width, height = picture.size
    if width * height > limits.max_pixels or getattr(picture, "n_frames", 1) > limits.max_frames:
        raise ImagingError("image_too_large")
    turned = _orientation(picture)
    profile = picture.info.get("icc_profile")
    if declared_type == "image/jpeg":
        # libjpeg's own downscaling while decoding: never below twice what the largest variant needs.
        picture.draft(None, (2 * SIDES["large"], 2 * SIDES["large"]))
    picture.load()
    renditions, smallest = _variants(picture, turned, profile, into, SQUARE_SIDES if square else SIDES, square)
    if turned in {5, 6, 7, 8}:
        width, height = height, width
    tiny = smallest.resize((32, 32), Image.Resampling.BOX)
    return Picture(width, height, blurhash.encode(tiny), _dominant(tiny), renditions)


def _check_structure(data: bytes, kind: str, limits: Limits) -> None:
    """Bounds that can be told without decoding."""
    # In entropy-coded data 0xFF is always followed by 0x00, so that this counts scans (and those of thumbnails).
    if kind == "image/jpeg" and data.count(b"\xff\xda") > limits.max_scans:
        raise ImagingError("image_too_large")
    if kind == "image/gif" and _gif_frames(data, limits.max_frames) > limits.max_frames:
        raise ImagingError("image_too_large")


def _gif_frames(data: bytes, enough: int) -> int:
    """Frames of a GIF, counted by skipping from block to block (GIF89a specification, sections 18 to 27)."""
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    frames = 0
    while at < len(data) and frames <= enough:
        kind = data[at]
        if kind == 0x2C:
            frames += 1
            flags = data[at + 9] if at + 9 < len(data) else 0
            at += 11 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
        elif kind == 0x21:
            at += 2
        else:
            break
        while at < len(data) and data[at]:
            at += data[at] + 1
        at += 1
    return frames


def _orientation(picture: Image.Image) -> int:
    """EXIF orientation, 1 to 8. Broken metadata never fails a good picture. (pillow-heif has turned its own.)"""
    if picture.format == "HEIF":
        return 1
    try:
        orientation = picture.getexif().get(0x0112, 1)
    except Exception:  # metadata parsers raise anything; a picture without readable metadata is shown as it is
        return 1
    return orientation if orientation in range(1, 9) else 1


def _variants(
    picture: Image.Image,
    turned: int,
    profile: bytes | None,
    into: Path,
    sides: dict[str, int],
    square: bool,
) -> tuple[list[Rendition], Image.Image]:
    """Every variant in every encoding, smallest name first, and the smallest as a picture."""
    made: dict[str, list[Rendition]] = {}
    current = picture
    for place, (name, side) in enumerate(sides.items()):
        if square and place == 0:
            shortest = min(current.size)
            current = ImageOps.fit(_bands(current), (shortest, shortest))
        current = _shrink(_bands(current), side)
        if place == 0:
            current = _upright(_to_srgb(current, profile), turned)
            current.info.clear()
        made[name] = [_write(current, name, content_type, into) for content_type in ENCODINGS]
    return [rendition for name in reversed(made) for rendition in made[name]], current


def _bands(picture: Image.Image) -> Image.Image:
    """The same picture in a mode that can be resampled; 16-bit greys become 8-bit ones, palettes become colours."""
    if picture.mode in {"RGB", "RGBA", "L", "LA", "CMYK", "LAB"}:
        return picture
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda value: value / 256).convert("L")
    if picture.mode in {"P", "PA"}:
        return picture.convert("RGBA" if "transparency" in picture.info or picture.mode == "PA" else "RGB")
    if picture.mode in {"1", "F", "YCbCr", "HSV", "RGBX", "RGBa", "La"}:
        return picture.convert("RGBA" if picture.mode in {"RGBa", "La"} else "RGB")
    raise ImagingError("image_unsupported")


def _shrink(picture: Image.Image, side: int) -> Image.Image:
    width, height = picture.size
    scale = side / max(width, height)
    if scale >= 1:
        return picture.copy()
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if picture.mode in {"RGBA", "LA"}:
        colours, alpha = picture.convert("RGBA"), picture.getchannel("A")
        flat = Image.new("RGB", picture.size, "white")
        flat.paste(_apply_profile(colours.convert("RGB"), profile), mask=alpha)
        return flat
    return _apply_profile(picture, profile)


def _apply_profile(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Through the embedded colour profile where it is readable and fits; by the plain formula otherwise."""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, source, _SRGB, outputMode="RGB", renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            return picture.convert("RGB")
    return picture.convert("RGB")


_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _upright(picture: Image.Image, turned: int) -> Image.Image:
    return picture.transpose(_TRANSPOSITIONS[turned]) if turned in _TRANSPOSITIONS else picture


def _write(picture: Image.Image, name: str, content_type: str, into: Path) -> Rendition:
    encoder, suffix, options = ENCODINGS[content_type]
    path = into / f"{name}.{suffix}"
    picture.save(path, encoder, **options)
    return Rendition(name, content_type, picture.width, picture.height, path.stat().st_size, path)


def _dominant(tiny: Image.Image) -> str:
    """The commonest of eight colours that stand for all."""
    few = tiny.quantize(colors=8, method=Image.Quantize.MEDIANCUT)
    counts = few.getcolors() or [(1, 0)]
    _, index = max(counts, key=lambda pair: pair[0])
    palette = few.getpalette() or [0, 0, 0]
    red, green, blue = palette[3 * int(str(index)) : 3 * int(str(index)) + 3]
    return f"#{red:02x}{green:02x}{blue:02x}"
