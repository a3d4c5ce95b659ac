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
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pillow_heif
from PIL import ExifTags, Image, ImageCms, ImageFile, _avif, _webp

from apps.media import blurhash, perceptual
from apps.media.containers import ACCEPTED_TYPES, Container, ImagingError, Limits, corrupt, inspect, too_large
from apps.media.renditions import ENCODINGS, Picture, Rendition

__all__ = ["ACCEPTED_TYPES", "ImagingError", "Limits", "Picture", "Rendition", "render"]

# More threads would use CPU time faster than wall time, and address space for stacks.
THREADS = 1
pillow_heif.register_heif_opener(decode_threads=THREADS, thumbnails=False, depth_images=False, aux_images=False)

# Fast reduction (JPEG decoder, averaging) stops at this multiple of the wanted size. Lanczos does the rest.
MARGIN = 1.5
TINY = 32
SRGB = ImageCms.createProfile("sRGB")
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


WHOLE = Shape({"large": 2048, "medium": 1080, "thumb": 320})
SQUARE = Shape({"medium": 1080, "thumb": 320}, square=True)


@dataclass(frozen=True)
class Decoded:
    """The pixels as stored in the file (a JPEG may be reduced to 1/2, 1/4 or 1/8), and the full size."""

    image: Image.Image
    width: int
    height: int
    orientation: int = 1
    profile: bytes = b""

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
    if source.stat().st_size > limits.max_bytes:
        raise too_large(f"The file is larger than {limits.max_bytes // 1_000_000} MB.")
    data = source.read_bytes()
    with _refusals(), warnings.catch_warnings(action="ignore"):
        container = inspect(data, limits)
        if container.kind != ACCEPTED_TYPES.get(declared_type):
            raise ImagingError("image_type_mismatch")
        del data
        shape = SQUARE if square else WHOLE
        decoded = DECODERS[container.kind](container, limits, shape)
        del container
        width, height = decoded.upright_size
        first = _to_srgb(_shrunk(decoded, shape), decoded.profile)
        variants = _variants(_upright(first, decoded.orientation), shape)
        del decoded, first
        encoded = [(name, image, kind, _encoded(image, kind)) for name, image in variants for kind in ENCODINGS]
        tiny = _fitted(variants[0][1], TINY)
        hashed, colour = _blurhash(tiny), _dominant_color(tiny)
        looks = perceptual.image_hashes(variants[-1][1])
    return Picture(width, height, hashed, colour, looks, [_written(into, *each) for each in encoded])


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
    if container.size not in (None, image.size):
        raise corrupt(f"{container.size} in the header, {image.size} in the decoder")
    return image


def _jpeg(container: Container, limits: Limits, shape: Shape) -> Decoded:
    image = _opened(container, "JPEG")
    width, height = image.size
    enough = MARGIN * shape.scale(width, height)
    image.draft(None, (ceil(width * enough), ceil(height * enough)))
    image.load()
    return Decoded(image, width, height, _orientation(container.exif), container.profile)


def _png(container: Container, limits: Limits, shape: Shape) -> Decoded:
    image = _opened(container, "PNG")
    image.load()
    return Decoded(image, *image.size, _orientation(container.exif), container.profile)


def _gif(container: Container, limits: Limits, shape: Shape) -> Decoded:
    image = _opened(container, "GIF")
    image.load()
    return Decoded(image, *image.size)


def _webp_image(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """Straight from the decoder that Pillow's plugin wraps: the plugin holds five copies of the picture, this three."""
    decoder = _webp.WebPAnimDecoder(container.essence)
    (width, height), _, _, frames, mode = decoder.get_info()
    limits.check(width=width, height=height, frames=frames)
    pixels, _ = decoder.get_next()
    del decoder
    image = Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)
    return Decoded(image, width, height, _orientation(container.exif), container.profile)


def _avif_image(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """As WebP. Besides, Pillow's plugin refuses the whole picture when its EXIF is broken."""
    decoder = _avif.AvifDecoder(container.essence, "auto", THREADS)
    (width, height), frames, mode, profile, _, orientation, _ = decoder.get_info()
    limits.check(width=width, height=height, frames=frames)
    pixels, *_ = decoder.get_frame(0)
    del decoder
    return Decoded(Image.frombytes(mode, (width, height), pixels), width, height, orientation, profile or b"")


def _heic(container: Container, limits: Limits, shape: Shape) -> Decoded:
    """libheif applies the rotation of the container; EXIF repeats it and is not applied again."""
    image = _opened(container, "HEIF")
    limits.check(width=image.width, height=image.height, frames=getattr(image, "n_frames", 1))
    image.load()
    return Decoded(image, *image.size, profile=image.info.get("icc_profile") or b"")


DECODERS: dict[str, Callable[[Container, Limits, Shape], Decoded]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp_image,
    "AVIF": _avif_image,
    "HEIC": _heic,
}


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
        image = image.point(lambda grey: grey / 256).convert("L")
    if image.mode not in ("LA", "RGBA") and image.has_transparency_data:
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA"):
        paper = Image.new(image.mode.removesuffix("A"), image.size, "white")
        paper.paste(image, mask=image.getchannel("A"))
        return paper
    return image if image.mode in ("L", "RGB", "RGBX", "CMYK") else image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert by the colour profile (relative colorimetric with black point compensation). Without a usable profile
    Pillow's default conversion is used."""
    if image.mode == "RGBX":
        image = image.convert("RGB")
    converted = _by_profile(image, profile) if profile else None
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


def _written(into: Path, name: str, image: Image.Image, content_type: str, data: bytes) -> Rendition:
    _, suffix, _ = ENCODINGS[content_type]
    path = into / f"{name}.{suffix}"
    path.write_bytes(data)
    return Rendition(name, content_type, image.width, image.height, len(data), path)


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
