"""Makes the variants of an uploaded file. Uses no Django; runs in the child process of `sandbox`.

Declared values are not trusted. The type is detected by content and must equal the declared one; dimensions, frames
and scans are checked before decoding (`containers`); an exception of a decoder becomes an ImagingError with a code;
broken metadata does not fail a good picture. Variants are upright, sRGB with 8 bits per channel, opaque (transparency
becomes white) and contain no metadata.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import AvifImagePlugin, ExifTags, Image, ImageChops, ImageCms, ImageFile

from apps.core.media_types import media_type
from apps.media import blurhash, colours, perceptual
from apps.media.boxes import Cicp
from apps.media.containers import ACCEPTED_TYPES, Container, ImagingError, Limits, corrupt, inspect, too_large
from apps.media.renditions import ENCODINGS, Picture, Rendition, require_size, write
from apps.media.variants import SIDES

__all__ = ["ACCEPTED_TYPES", "ImagingError", "Limits", "Picture", "Rendition", "render"]

# More threads would use CPU time faster than wall time, and address space for stacks.
THREADS = 1
pillow_heif.register_heif_opener(decode_threads=THREADS, thumbnails=False, depth_images=False, aux_images=False)
AvifImagePlugin.DEFAULT_MAX_THREADS = THREADS

# Fast reduction (JPEG decoder, averaging) stops at this multiple of the wanted size. Lanczos does the rest.
MARGIN = 1.5
TINY = 32
SRGB = ImageCms.createProfile("sRGB")
JPEG_END = b"\xff\xd9"
# Read as image data it changes any picture.
JPEG_FILLER = b"\x5a\xa5\x3c" * 32
# The position of the bits per channel.
PNG_DEPTH = 24
# EXIF orientation → the operation that makes the picture upright (TIFF 6.0, tag 274). From 5 on the sides are swapped.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}


@dataclass(frozen=True)
class Shape:
    """The variants to make: name → longest side in pixels, largest first. Each is made from the one before."""

    sides: dict[str, int]
    square: bool = False

    def shown(self, width: int, height: int) -> tuple[int, int]:
        """The size of the visible part of a picture of that size."""
        return (min(width, height),) * 2 if self.square else (width, height)

    def scale(self, width: int, height: int) -> float:
        """The scale from such a picture to the largest variant; at most 1."""
        return min(1.0, max(self.sides.values()) / max(self.shown(width, height)))


WHOLE = Shape(SIDES)
SQUARE = Shape({"medium": 1080, "thumb": 320}, square=True)


@dataclass(frozen=True)
class Decoded:
    """The pixels as stored in the file (a JPEG may be reduced to 1/2, 1/4 or 1/8), and the full size."""

    image: Image.Image
    width: int
    height: int
    orientation: int = 1
    profile: bytes = b""
    cicp: Cicp | None = None

    @property
    def upright_size(self) -> tuple[int, int]:
        return (self.height, self.width) if self.orientation in SIDEWAYS else (self.width, self.height)


def render(
    source: Path, *, declared_type: str, into: Path, square: bool = False, limits: Limits | None = None
) -> Picture:
    """Write the variants of `source` into the folder `into`; `square` crops the middle, for avatars.

    Raises ImagingError for a fault of the picture, OSError for a fault of the disk.
    """
    limits = limits or Limits()
    require_size(source, limits)
    picture, contents = make(source.read_bytes(), declared_type=declared_type, square=square, limits=limits)
    return write(picture, contents, into=into)


def make(data: bytes, *, declared_type: str, square: bool, limits: Limits) -> tuple[Picture, list[bytes]]:
    """The picture, and the contents of its renditions in their order. Raises ImagingError."""
    with _refusals(), warnings.catch_warnings(action="ignore"):
        container = inspect(data, limits)
        if container.kind != ACCEPTED_TYPES.get(media_type(declared_type)):
            raise ImagingError("image_type_mismatch")
        del data
        shape = SQUARE if square else WHOLE
        decoded = DECODERS[container.kind](container, limits, shape)
        del container
        width, height = decoded.upright_size
        first = _to_srgb(_shrunk(decoded, shape), decoded.profile, decoded.cicp)
        variants = _variants(_upright(first, decoded.orientation), shape)
        del decoded, first
        encoded = [(name, image, kind, _encoded(image, kind)) for name, image in variants for kind in ENCODINGS]
        tiny = _fitted(variants[0][1], TINY)
        hashed, colour = _blurhash(tiny), _dominant_color(tiny)
        looks = perceptual.image_hashes(variants[-1][1])
    renditions = [Rendition(name, kind, *image.size, len(content)) for name, image, kind, content in encoded]
    return Picture(width, height, hashed, colour, looks, renditions), [content for *_, content in encoded]


@contextmanager
def _refusals() -> Iterator[None]:
    """Decoders raise many unrelated exceptions; each becomes an ImagingError."""
    try:
        yield
    except ImagingError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise too_large("The picture needs too much memory.") from error
    except Exception as error:
        raise corrupt(f"{type(error).__name__}: {error}"[:200]) from error


# ── Decoding ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _opened(container: Container, format_name: str) -> ImageFile.ImageFile:
    image = Image.open(io.BytesIO(container.essence), formats=[format_name])
    if container.kind not in ("HEIC", "AVIF") and container.size != image.size:
        raise corrupt(f"{container.size} in the header, {image.size} in the decoder")
    return image


def _jpeg(container: Container, limits: Limits, shape: Shape) -> Decoded:
    size = container.size or (0, 0)
    enough = MARGIN * shape.scale(*size)
    draft = ceil(size[0] * enough), ceil(size[1] * enough)
    try:
        image = _drafted(container, draft)
    except OSError:
        image = _unterminated(container, draft)
    return _decoded(container, image, size=size)


def _drafted(container: Container, draft: tuple[int, int]) -> Image.Image:
    image = _opened(container, "JPEG")
    image.draft(None, draft)
    image.load()
    return image


def _unterminated(container: Container, draft: tuple[int, int]) -> Image.Image:
    """A JPEG without its end marker. It has all its rows if bytes that follow do not change the picture. Raises
    ImagingError if they do."""
    data = container.essence.rstrip(b"\xff")
    image, other = (
        _drafted(replace(container, essence=data + filler + JPEG_END), draft) for filler in (b"", JPEG_FILLER)
    )
    if ImageChops.difference(image, other).getbbox():
        raise corrupt("the JPEG ends early")
    return image


def _png(container: Container, limits: Limits, shape: Shape) -> Decoded:
    image = _opened(container, "PNG")
    image.load()
    return _decoded(container, _with_transparent_colour(image, depth=container.essence[PNG_DEPTH]))


def _with_transparent_colour(image: Image.Image, *, depth: int) -> Image.Image:
    """Pillow compares 8-bit values with the transparent colour, which has the bit depth of the file."""
    colour = image.info.get("transparency")
    if image.mode.startswith("I") and isinstance(colour, int):
        grey = np.asarray(image)
        opaque = Image.fromarray(np.where(grey == colour, 0, 255).astype(np.uint8))
        image = _eight_bit(image)
        image.putalpha(opaque)
    elif image.mode == "L" and isinstance(colour, int):
        image.info["transparency"] = colour * 255 // (2**depth - 1)
    elif depth == 16 and isinstance(colour, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in colour)
    return image


def _gif(container: Container, limits: Limits, shape: Shape) -> Decoded:
    image = _opened(container, "GIF")
    image.load()
    return _decoded(container, image)


def _webp(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """The copy releases the decoder, which holds two canvases."""
    image = _opened(container, "WEBP")
    image.load()
    return _decoded(container, image.copy())


def _avif(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """libavif applies neither the clean aperture nor the rotation. Pillow reports the latter as EXIF."""
    image = _opened(container, "AVIF")
    limits.check(width=image.width, height=image.height)
    image.load()
    rotation = image.info.get("exif", b"")
    profile = image.info.get("icc_profile") or b""
    visible = image.crop(container.aperture) if container.aperture else image.copy()
    return _decoded(container, visible, rotation=rotation, profile=profile)


def _heic(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """libheif applies the clean aperture and the rotation of the container."""
    image = _opened(container, "HEIF")
    limits.check(width=image.width, height=image.height)
    image.load()
    return _decoded(container, image, profile=image.info.get("icc_profile") or b"")


DECODERS: dict[str, Callable[[Container, Limits, Shape], Decoded]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "AVIF": _avif,
    "HEIC": _heic,
}


def _decoded(
    container: Container,
    image: Image.Image,
    *,
    size: tuple[int, int] | None = None,
    rotation: bytes = b"",
    profile: bytes = b"",
) -> Decoded:
    """`size`: in full, if the decoder has reduced the picture; `rotation`: as EXIF, if the container declares one that
    the decoder has not applied."""
    width, height = size or image.size
    orientation = _orientation(rotation if container.rotates else container.exif)
    return Decoded(image, width, height, orientation, container.profile or profile, container.cicp)


def _orientation(exif: bytes) -> int:
    """1 to 8; broken EXIF means upright."""
    try:
        tags = Image.Exif()
        tags.load(exif)
        orientation = tags.get(ExifTags.Base.Orientation)
    except Exception:
        return 1
    return orientation if orientation in TURNS else 1


# ── From pixels to variants ───────────────────────────────────────────────────────────────────────────────────────


def _shrunk(decoded: Decoded, shape: Shape) -> Image.Image:
    """The visible part at the size of the largest variant, not yet rotated, in the original colours."""
    image = _opaque(decoded.image)
    across, down = shape.shown(decoded.width, decoded.height)
    draft = round(max(decoded.width, decoded.height) / max(image.size))
    left, top = (decoded.width - across) / 2, (decoded.height - down) / 2
    box = (left / draft, top / draft, (left + across) / draft, (top + down) / draft)
    size = _scaled(across, down, shape.scale(decoded.width, decoded.height))
    return image.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=MARGIN)


def _opaque(image: Image.Image) -> Image.Image:
    """The picture on a white background, in a mode that can be resampled: 8-bit grey, RGB or CMYK."""
    if image.mode.startswith("I"):
        image = _eight_bit(image)
    if image.mode not in ("LA", "RGBA") and image.has_transparency_data:
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        paper = Image.new(image.mode.removesuffix("A"), image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    return image if image.mode in ("L", "RGB", "RGBX", "CMYK") else image.convert("RGB")


def _eight_bit(grey: Image.Image) -> Image.Image:
    return grey.point(lambda value: value / 256).convert("L")


def _to_srgb(image: Image.Image, profile: bytes, cicp: Cicp | None) -> Image.Image:
    """Convert by the colour profile (relative colorimetric with black point compensation), or else by code points.
    Without a usable declaration Pillow's default conversion is used."""
    if image.mode == "RGBX":
        image = image.convert("RGB")
    converted = _by_profile(image, profile) if profile else None
    if not converted and cicp:
        converted = colours.to_srgb(image, cicp)
    return converted or image.convert("RGB")


def _by_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    try:
        return ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            SRGB,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except Exception:
        return None


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def _variants(first: Image.Image, shape: Shape) -> list[tuple[str, Image.Image]]:
    """Every variant by name, smallest first."""
    variants: list[tuple[str, Image.Image]] = []
    image = first
    for name, side in shape.sides.items():
        image = _fitted(image, side)
        variants.insert(0, (name, image))
    return variants


def _fitted(image: Image.Image, longest: int) -> Image.Image:
    size = _scaled(*image.size, min(1.0, longest / max(image.size)))
    return image.resize(size, Image.Resampling.LANCZOS) if size != image.size else image


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encoded(image: Image.Image, content_type: str) -> bytes:
    encoder, _, options = ENCODINGS[content_type]
    image.info.clear()  # Pillow would write the comments, profiles and EXIF it finds here
    file = io.BytesIO()
    image.save(file, encoder, **options)
    return file.getvalue()


# ── Placeholders ──────────────────────────────────────────────────────────────────────────────────────────────────


def _blurhash(tiny: Image.Image) -> str:
    """Twelve components, four along the longer side."""
    columns, rows = (4, 3) if tiny.width >= tiny.height else (3, 4)
    return blurhash.encode(tiny.tobytes(), width=tiny.width, height=tiny.height, columns=columns, rows=rows)


def _dominant_color(tiny: Image.Image) -> str:
    """The mean of the largest of eight groups of similar colours."""
    few = tiny.quantize(colors=8, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    groups: list[tuple[int, int]] = few.getcolors()  # type: ignore[assignment]
    _, commonest = max(groups)
    palette = few.getpalette() or []
    return "#" + bytes(palette[3 * commonest : 3 * commonest + 3]).hex()
