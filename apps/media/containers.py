"""Reads the structure of an image file without decoding it.

`inspect` detects the type by content, checks dimensions and scans against the limits before any pixel is decoded, and
separates the image data (`essence`) from the metadata (EXIF, colours, the rest). Decoders get the essence only: the
first frame, and no metadata that is broken or hostile. HEIC and AVIF are trees of boxes (`boxes`), of which only the
EXIF is hidden from the decoder; `Limits.check` is applied again to what their libraries report.

Sources: ITU-T T.81 annex B (JPEG), W3C PNG third edition, CompuServe GIF89a, Google's WebP container specification,
ISO/IEC 14496-12 (`ftyp`) and 23008-12 (HEIF brands).
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from apps.media.boxes import Cicp, bounded, primary_image, without_exif

# Content type → kind. Browsers use either name for a HEIC photo.
ACCEPTED_TYPES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIC",
    "image/heif": "HEIC",
    "image/avif": "AVIF",
}
# The longest side of JPEG and GIF. A taller PNG would need more memory for row pointers than for pixels.
MAX_SIDE = 65_535
# The largest colour profiles, those of printers, are smaller than 4 MiB.
MAX_PROFILE_BYTES = 4 * 1024 * 1024
# A HEIC, the slowest type, takes 0.1 s for a megapixel on the machine of docs/performance.md; others are slower. A busy
# machine gives the child a part of a core.
CPU_SECONDS, CPU_SECONDS_PER_MEGAPIXEL = 3.0, 0.25
WALL_PER_CPU_SECOND = 2.0


class ImagingError(Exception):
    """The picture is refused. `code` is part of the API, `detail` is shown to the owner, `reason` is only logged."""

    DETAILS = {
        "image_too_large": "The picture is too large.",
        "image_corrupt": "The file is damaged or is not a picture.",
        "image_type_mismatch": "The file is not of the declared type.",
        "image_unsupported": "Only JPEG, PNG, WebP, GIF, HEIC and AVIF pictures are accepted.",
        "processing_timeout": "The picture took too long to process.",
    }

    def __init__(self, code: str, detail: str = "", *, reason: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail or self.DETAILS[code]
        self.reason = reason


def corrupt(reason: str) -> ImagingError:
    return ImagingError("image_corrupt", reason=reason)


def too_large(detail: str) -> ImagingError:
    return ImagingError("image_too_large", detail)


@dataclass(frozen=True)
class Limits:
    """The resources that one picture may use. Memory is the private memory of the child process, in bytes; times are
    in seconds. Decoding a progressive JPEG takes time in proportion to its scans times its megapixels."""

    max_bytes: int = 30_000_000
    max_pixels: int = 64_000_000
    max_scans: int = 100
    max_scan_megapixels: int = 700
    max_memory: int = 1200 * 1024 * 1024
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0

    def __post_init__(self) -> None:
        """The times depend on the pixels that are allowed, unless given."""
        cpu_seconds = self.cpu_seconds or CPU_SECONDS + CPU_SECONDS_PER_MEGAPIXEL * self.max_pixels / 1_000_000
        object.__setattr__(self, "cpu_seconds", cpu_seconds)
        object.__setattr__(self, "wall_seconds", self.wall_seconds or WALL_PER_CPU_SECOND * cpu_seconds)

    def check(self, *, width: int, height: int, scans: int = 1) -> None:
        """Raises ImagingError: `image_too_large`, or `image_corrupt` for a picture without area."""
        if width < 1 or height < 1:
            raise corrupt(f"{width} x {height} pixels")
        if width * height > self.max_pixels:
            raise too_large(f"The picture has more than {self.max_pixels // 1_000_000} megapixels.")
        if max(width, height) > MAX_SIDE:
            raise too_large(f"A side of the picture is longer than {MAX_SIDE} pixels.")
        if scans > self.max_scans:
            raise too_large(f"The picture has more than {self.max_scans} progressive scans.")
        if scans > 1 and scans * width * height > self.max_scan_megapixels * 1_000_000:
            raise too_large("The picture has too many progressive scans for its size.")


@dataclass(frozen=True)
class Container:
    """The parts of a file. `size` is None if only the decoder knows it. `aperture` is the visible part as left, top,
    right and bottom, if the file declares it; `rotates`: it declares a rotation that overrides EXIF."""

    kind: str
    essence: bytes
    size: tuple[int, int] | None = None
    exif: bytes = b""
    profile: bytes = b""
    cicp: Cicp | None = None
    aperture: tuple[int, int, int, int] | None = None
    rotates: bool = False


def inspect(data: bytes, limits: Limits) -> Container:
    """Split a file of an accepted type into its parts, and check the limits.

    Raises ImagingError (`image_unsupported`, `image_too_large` or `image_corrupt`), and TooManyParts, IndexError,
    ValueError or similar for a file that is hostile, truncated or inconsistent.
    """
    kind = identify(data)
    return READERS[kind](data, limits)


# ── Type ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# Brands in order of authority: the major brand first, then the compatible ones.
HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
AVIF_BRANDS = {b"avif", b"avis"}
FOREIGN = (
    *(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF, and raw files of cameras
    *(b"BM", b"8BPS", b"%!PS", b"\xc5\xd0\xd3\xc6", b"%PDF", b"\0\0\x01\0", b"SIMPLE  ="),
    *(b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\0\x0cJXL ", b"\xff\x0a"),  # JPEG 2000, JPEG XL
    *(b"PK\x03\x04", b"\x1f\x8b", b"\x1a\x45\xdf\xa3", b"\x7fELF", b"MZ"),
)


def identify(data: bytes) -> str:
    """The kind of picture, by its first bytes. Raises ImagingError: `image_unsupported` or `image_corrupt`."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and (kind := _by_brand(data)):
        return kind
    if _is_foreign(data):
        raise ImagingError("image_unsupported")
    raise corrupt("unknown first bytes")


def _by_brand(data: bytes) -> str | None:
    end = min(int.from_bytes(data[:4]), 256)
    for position in (8, *range(16, end - 3, 4)):
        brand = data[position : position + 4]
        if brand in HEIC_BRANDS:
            return "HEIC"
        if brand in AVIF_BRANDS:
            return "AVIF"
    return None


def _is_foreign(data: bytes) -> bool:
    marked_up = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")  # SVG, HTML
    other_media = data[4:8] == b"ftyp" or data.startswith(b"RIFF")
    return marked_up or other_media or data.startswith(FOREIGN)


# ── JPEG ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# Finds the next marker as libjpeg does: skips garbage, fill bytes and stuffed zeros. Restart markers belong to a scan.
JPEG_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
SOI, EOI, SOS, TEM, COM = 0xD8, 0xD9, 0xDA, 0x01, 0xFE
FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
MULTIPLE_SCANS = {0xC2, 0xC6, 0xCA, 0xCE}
APP0, APP1, APP2, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF


def _jpeg(data: bytes, limits: Limits) -> Container:
    kept, exif, profile = [b"\xff\xd8"], b"", {}
    size = frame_header = None
    for marker, start, body in bounded(_jpeg_segments(data, 2)):
        if marker == SOS:
            break
        if marker in FRAME_HEADERS:
            frame_header, size = marker, (int.from_bytes(body[3:5]), int.from_bytes(body[1:3]))
            components = body[5]
        if marker == APP1 and body.startswith(b"Exif\0\0"):
            exif = exif or body
        elif marker == APP2 and body.startswith(b"ICC_PROFILE\0"):
            profile[body[12:14]] = body[14:]
        elif (not APP0 <= marker <= APP15 and marker != COM) or _defines_colours(marker, body):
            kept.append(b"\xff" + bytes([marker]) + data[start : start + 2] + body)
    else:
        raise ValueError("no scan")
    if size is None:
        raise ValueError("a scan without a frame header")
    single = frame_header not in MULTIPLE_SCANS and body[0] == components
    scans = 1 if single else _jpeg_scans(data, start, at_most=limits.max_scans)
    limits.check(width=size[0], height=size[1], scans=scans)
    kept.append(data[start - 2 :])
    return Container("JPEG", b"".join(kept), size, exif, b"".join(profile[part] for part in sorted(profile)))


def _jpeg_segments(data: bytes, position: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield every segment up to the end of the image: marker, position of its length field, and body."""
    while (found := JPEG_MARKER.search(data, position)) and (marker := found[1][0]) != EOI:
        position = found.end()
        if marker in (SOI, TEM):
            continue
        length = int.from_bytes(data[position : position + 2])
        if length < 2 or position + length > len(data):
            raise ValueError("a JPEG segment is truncated")
        yield marker, position, data[position + 2 : position + length]
        position += length


def _defines_colours(marker: int, body: bytes) -> bool:
    """JFIF and Adobe segments decide how libjpeg reads the colours. libjpeg ignores those that are too short."""
    jfif = marker == APP0 and body.startswith(b"JFIF\0") and len(body) >= 14
    return jfif or (marker == APP14 and body.startswith(b"Adobe") and len(body) >= 12)


def _jpeg_scans(data: bytes, position: int, *, at_most: int) -> int:
    """The number of scans from `position` on; counting stops above `at_most`."""
    scans = 1
    try:
        for marker, _, _ in bounded(_jpeg_segments(data, position)):
            scans += marker == SOS
            if scans > at_most:
                break
    except ValueError:  # truncated: the decoder reports it more precisely
        pass
    return scans


# ── PNG ───────────────────────────────────────────────────────────────────────────────────────────────────────────

PNG_ESSENTIALS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}
PNG_END = bytes(4) + b"IEND" + zlib.crc32(b"IEND").to_bytes(4)


def _png(data: bytes, limits: Limits) -> Container:
    """For an APNG the default image is used. A file that ends early is complete if it has all rows."""
    kept, exif, profile, cicp = [data[:8]], b"", b"", None
    size = (0, 0)
    for kind, body, whole in bounded(_png_chunks(data)):
        if len(kept) == 1:
            if kind != b"IHDR":
                raise ValueError("a PNG without header")
            size = (int.from_bytes(body[:4]), int.from_bytes(body[4:8]))
            limits.check(width=size[0], height=size[1])
        if kind in PNG_ESSENTIALS:
            kept.append(whole)
        elif kind == b"eXIf":
            exif = exif or body
        elif kind == b"iCCP":
            profile = profile or _inflated_profile(body)
        elif kind == b"cICP" and len(body) == 4:
            cicp = cicp or Cicp(body[0], body[1])
    if not kept[-1].endswith(PNG_END):
        kept.append(PNG_END)
    # Code points override a profile (PNG third edition, 4.3).
    return Container("PNG", b"".join(kept), size, exif, b"" if cicp else profile, cicp)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield every chunk up to the last: kind, body, and all bytes of the chunk. Of chunks that the end of the file
    cuts off, only image data is yielded."""
    position, kind = 8, b""
    while kind != b"IEND" and position + 8 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        kind, end = data[position + 4 : position + 8], position + 12 + length
        body = data[position + 8 : position + 8 + length]
        if end <= len(data):
            yield kind, body, data[position:end]
        elif kind == b"IDAT":
            yield kind, body, _png_chunk(kind, body)
        position = end


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def _inflated_profile(body: bytes) -> bytes:
    """The body is a name, a zero byte, the method and the deflated profile. A broken or huge profile is ignored."""
    packed = body.partition(b"\0")[2][1:]
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed, MAX_PROFILE_BYTES)
    except zlib.error:
        return b""
    return profile if inflate.eof else b""


# ── GIF ───────────────────────────────────────────────────────────────────────────────────────────────────────────

GIF_IMAGE, GIF_EXTENSION, GIF_GRAPHIC_CONTROL = 0x2C, 0x21, 0xF9


def _gif(data: bytes, limits: Limits) -> Container:
    """Keep the first frame only, on a screen that is large enough for it."""
    position = 13 + _colour_table(data[10])
    kept = [data[:position]]
    while data[position] == GIF_EXTENSION:
        start, position = position, _after_blocks(data, position + 2)
        if data[start + 1] == GIF_GRAPHIC_CONTROL:
            kept.append(data[start:position])
    if data[position] != GIF_IMAGE:
        raise ValueError("a GIF without a frame")
    (width, height), (left, top), (across, down) = (_two_lengths(data, at) for at in (6, position + 1, position + 5))
    width, height = max(width, left + across), max(height, top + down)
    limits.check(width=width, height=height)
    kept.append(data[position : _after_blocks(data, position + 11 + _colour_table(data[position + 9]))])
    return Container("GIF", b"".join(kept) + b";", (width, height))


def _colour_table(flags: int) -> int:
    """The size in bytes of the colour table that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _two_lengths(data: bytes, position: int) -> tuple[int, int]:
    if position + 4 > len(data):
        raise ValueError("a GIF is truncated")
    return int.from_bytes(data[position : position + 2], "little"), int.from_bytes(
        data[position + 2 : position + 4], "little"
    )


def _after_blocks(data: bytes, position: int) -> int:
    """The position after the sub-blocks that start at `position`. Raises IndexError if the data ends before."""
    while data[position]:
        position += 1 + data[position]
    return position + 1


# ── WebP ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _webp(data: bytes, limits: Limits) -> Container:
    """Keep the first frame and what describes it."""
    kept: dict[bytes, bytes] = {}
    metadata: dict[bytes, bytes] = {}
    width = height = 0
    for kind, body, whole in bounded(_riff_chunks(data)):
        if kind in WEBP_METADATA:
            metadata.setdefault(kind, body)
        elif kind in WEBP_ESSENTIALS and kind not in kept:
            across, down = WEBP_SIZES[kind](body) if kind in WEBP_SIZES else (0, 0)
            width, height = max(width, across), max(height, down)
            limits.check(width=width, height=height)
            kept[kind] = whole
    essence = b"WEBP" + b"".join(kept.values())
    essence = b"RIFF" + len(essence).to_bytes(4, "little") + essence
    return Container("WEBP", essence, (width, height), metadata.get(b"EXIF", b""), metadata.get(b"ICCP", b""))


def _riff_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield every chunk: kind, body, and all bytes of the chunk, as far as they are in the file. Padding that is cut
    off at the end of the file is added."""
    position = 12
    while position + 8 <= len(data):
        length = int.from_bytes(data[position + 4 : position + 8], "little")
        start, end = position, position + 8 + length
        position = end + length % 2
        padding = b"\0" if position == len(data) + 1 else b""
        yield data[start : start + 4], data[start + 8 : end], data[start:position] + padding


def _canvas(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1


def _frame(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[6:9], "little") + 1, int.from_bytes(body[9:12], "little") + 1


def _lossy(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF


def _lossless(body: bytes) -> tuple[int, int]:
    bits = int.from_bytes(body[1:5], "little")
    return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1


WEBP_ESSENTIALS = {b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"}
WEBP_METADATA = {b"EXIF", b"ICCP"}
WEBP_SIZES: dict[bytes, Callable[[bytes], tuple[int, int]]] = {
    b"VP8X": _canvas,
    b"ANMF": _frame,
    b"VP8 ": _lossy,
    b"VP8L": _lossless,
}

# ── HEIC and AVIF ─────────────────────────────────────────────────────────────────────────────────────────────────


def _boxed(kind: str, data: bytes, limits: Limits) -> Container:
    image = primary_image(data)
    if image.size:
        limits.check(width=image.size[0], height=image.size[1])
    essence = without_exif(data)
    return Container(kind, essence, image.size, image.exif, b"", image.cicp, image.aperture, image.rotates)


READERS: dict[str, Callable[[bytes, Limits], Container]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "HEIC": partial(_boxed, "HEIC"),
    "AVIF": partial(_boxed, "AVIF"),
}
