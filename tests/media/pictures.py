"""Makers of pictures for the tests: good ones of every kind, awkward ones, and those that attackers send."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pillow_heif
from PIL import ExifTags, Image, TiffImagePlugin

pillow_heif.register_heif_opener()

SECRET = b"51.4778N-0.0015W-home-of-alice"
TYPES = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
}
Corners = tuple[tuple[int, int, int], ...]
RED, GREEN, BLUE, WHITE = (230, 20, 20), (20, 180, 20), (20, 20, 230), (250, 250, 250)


# ── Good pictures ─────────────────────────────────────────────────────────────────────────────────────────────────


def quarters(width: int = 96, height: int = 64) -> Image.Image:
    """Red, green; blue, white: shows which way is up, and whether it is mirrored."""
    image = Image.new("RGB", (width, height))
    for place, colour in enumerate((RED, GREEN, BLUE, WHITE)):
        left, top = place % 2 * width // 2, place // 2 * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image


def corners(image: Image.Image) -> Corners:
    """The colours in the middle of the four quarters."""
    width, height = image.size
    colours = image.convert("RGB")
    return tuple(colours.getpixel((width * x // 4, height * y // 4)) for y in (1, 3) for x in (1, 3))  # type: ignore[misc]


def landscape(width: int, height: int, seed: int = 7) -> Image.Image:
    """Clouds of noise in many sizes, about as hard to encode as a photograph."""
    random = np.random.default_rng(seed)
    light = np.full((height, width, 3), 128, np.float32)
    for detail in (4, 16, 64, 256, 1024):
        rows, columns = max(2, detail * height // width), max(2, detail)
        patch = random.standard_normal((rows, columns, 3), np.float32) * 90 / detail**0.35
        for channel in range(3):
            cloud = Image.fromarray(patch[..., channel]).resize((width, height), Image.Resampling.BICUBIC)
            light[..., channel] += np.asarray(cloud)
    return Image.fromarray(np.clip(light, 0, 255).astype(np.uint8))


def file_of(image: Image.Image, content_type: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, TYPES[content_type], **options)
    return file.getvalue()


def lying(upright: Image.Image, orientation: int) -> Image.Image:
    """How a camera stores `upright` under that EXIF orientation.

    TIFF 6.0, tag 274: which side of what is seen the first row holds, and which the first column.
    """
    first_row, first_column = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    pixels = np.asarray(upright)
    if first_row in ("left", "right"):
        pixels = pixels.swapaxes(0, 1)
    if first_row in ("bottom", "right"):
        pixels = pixels[::-1]
    if first_column in ("bottom", "right"):
        pixels = pixels[:, ::-1]
    return Image.fromarray(np.ascontiguousarray(pixels))


def oriented(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return exif


def telling() -> Image.Exif:
    """EXIF that says where alice lives, by whom and with what the picture was taken."""
    exif = Image.Exif()
    exif[ExifTags.Base.ResolutionUnit] = 2
    exif[ExifTags.Base.Artist] = exif[ExifTags.Base.ImageDescription] = SECRET.decode()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = SECRET
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    degrees = tuple(TiffImagePlugin.IFDRational(part) for part in (51, 28, 40))
    place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", degrees
    place[ExifTags.GPS.GPSLongitudeRef], place[ExifTags.GPS.GPSLongitude] = "W", degrees
    return exif


# ── Colour profiles ───────────────────────────────────────────────────────────────────────────────────────────────

# Primaries as XYZ, adapted to D50, one column each for red, green and blue; and the exponent of the tone curve.
DISPLAY_P3 = (((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407)), 2.2)
ADOBE_RGB = (((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457)), 2.19921875)
SRGB_PRIMARIES = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))
Space = tuple[tuple[tuple[float, float, float], ...], float]


def icc(space: Space) -> bytes:
    """A matrix profile, ICC.1:2001-04 (version 2)."""
    primaries, gamma = space
    tags = {
        b"desc": b"desc" + struct.pack(">4xI", 5) + b"test\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        **{name: _xyz(*column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), zip(*primaries), strict=True)},  # noqa: B905
        **{
            name: b"curv" + struct.pack(">4xIH", 1, round(gamma * 256)) + bytes(2)
            for name in (b"rTRC", b"gTRC", b"bTRC")
        },
    }
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += name + struct.pack(">II", offset + len(body), len(value))
        body += padded
    head = struct.pack(">I4xI4s4s4s", offset + len(body), 0x02100000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    head += bytes(28) + struct.pack(">3i", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _xyz(x: float, y: float, z: float) -> bytes:
    return b"XYZ " + struct.pack(">4x3i", *(round(v * 65536) for v in (x, y, z)))


def in_srgb(colour: tuple[int, int, int], space: Space) -> tuple[int, ...]:
    """`colour` of that space as 8-bit sRGB, by IEC 61966-2-1."""
    primaries, gamma = space
    light = np.linalg.solve(np.array(SRGB_PRIMARIES), np.array(primaries) @ (np.array(colour) / 255) ** gamma)
    light = np.clip(light, 0, 1)
    values = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return tuple(int(value) for value in np.round(values * 255))


# ── Parts of files ────────────────────────────────────────────────────────────────────────────────────────────────


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """The JPEG with more segments right behind its start."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """The PNG with more chunks behind its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def ycck_grey(level: int) -> bytes:
    """A YCCK JPEG whose picture is grey.

    Pillow cannot write YCCK, but it writes four planes as they are (inverted) and leaves the reading to the Adobe
    segment's last byte: 2 says that the first three are luma and chroma.
    """
    planes = Image.new("CMYK", (32, 32), (255 - level, 127, 127, 0))
    jpeg = file_of(planes, "image/jpeg", quality=100)
    adobe = jpeg.index(b"Adobe")
    return jpeg[: adobe + 11] + b"\x02" + jpeg[adobe + 12 :]


def flat_png(width: int, height: int, *, depth: int = 8) -> bytes:
    """A grey PNG of one level, made without its pixels ever being in memory."""
    packer = zlib.compressobj(1)
    row = bytes(1 + (width * depth + 7) // 8)
    pixels = b"".join(packer.compress(row * 64) for _ in range(height // 64))
    pixels += packer.compress(row * (height % 64)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def png_with_transparent_colour(mode: int, depth: int, transparent: Any, opaque: Any) -> bytes:
    """The left half has the opaque colour, the right half the transparent one. `mode`: grey (0) or RGB (2)."""
    channels = 1 if mode == 0 else 3
    samples = [np.array(value).reshape(-1) for value in (opaque, transparent)]
    row = np.concatenate([np.tile(each, 32) for each in samples])
    bits = (row[:, None] >> np.arange(depth - 1, -1, -1)) & 1
    packed = b"\0" + np.packbits(bits.astype(np.uint8)).tobytes()
    header = struct.pack(">IIBBBBB", 64, 32, depth, mode, 0, 0, 0)
    colour = struct.pack(f">{channels}H", *samples[1])
    chunks = ((b"IHDR", header), (b"tRNS", colour), (b"IDAT", zlib.compress(packed * 32)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def hidden_png(png: bytes, frames: int) -> bytes:
    """An APNG that announces so many frames."""
    return with_chunks(png, chunk(b"acTL", struct.pack(">II", frames, 0)))


# ── What attackers send ───────────────────────────────────────────────────────────────────────────────────────────


def flat_webp(side: int) -> bytes:
    """A lossless WebP of one colour: some 40 bytes whatever its side, which stands in 14 bits of its header."""
    webp = bytearray(file_of(Image.new("RGB", (16, 16), (1, 2, 3)), "image/webp", lossless=True))
    start = webp.index(b"VP8L") + 9
    bits = int.from_bytes(webp[start : start + 4], "little")
    bits = bits >> 28 << 28 | side - 1 << 14 | side - 1
    webp[start : start + 4] = bits.to_bytes(4, "little")
    return bytes(webp)


def many_scans(count: int, *, side: int | None = None) -> bytes:
    """A progressive JPEG whose last scan is repeated, under a header that may claim another size."""
    jpeg = file_of(landscape(64, 64), "image/jpeg", progressive=True, quality=80)
    last = jpeg.rindex(b"\xff\xda")
    if side is not None:
        header = jpeg.index(b"\xff\xc2")
        jpeg = jpeg[: header + 5] + struct.pack(">HH", side, side) + jpeg[header + 9 :]
    scans = jpeg.count(b"\xff\xda")
    return jpeg[:last] + jpeg[last:-2] * (count - scans + 1) + b"\xff\xd9"


def many_frames_gif(count: int) -> bytes:
    gif = file_of(Image.new("P", (100, 100)), "image/gif")
    frame = b"\x2c" + struct.pack("<4H", 0, 0, 1, 1) + b"\0" + b"\x02\x02\x44\x01\x00"
    return gif[:-1] + frame * count + b";"


def many_frames_webp(count: int) -> bytes:
    still = file_of(Image.new("RGB", (16, 16)), "image/webp")[12:]
    place = bytes(6) + (15).to_bytes(3, "little") * 2 + bytes(4)
    frame = b"ANMF" + struct.pack("<I", len(place + still)) + place + still
    canvas = b"VP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + (15).to_bytes(3, "little") * 2
    body = b"WEBP" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6) + frame * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def claiming(png: bytes, width: int, height: int) -> bytes:
    """The PNG under a header that claims another size."""
    header = struct.pack(">II", width, height) + png[24:29]
    return png[:8] + chunk(b"IHDR", header) + png[33:]


def with_property(file: bytes, kind: bytes, body: bytes, *, replacing: bytes = b"") -> bytes:
    """The HEIC or AVIF with another property of its primary image; those of the kind `replacing` lose their name."""
    if replacing:
        file = file.replace(replacing, b"free")
    box = struct.pack(">I", len(body) + 8) + kind + body
    grown = len(box) + 1
    ipco, ipma, iloc = (file.index(name) - 4 for name in (b"ipco", b"ipma", b"iloc"))
    ipco_end = ipco + _number(file, ipco)
    count = _children(file[ipco + 8 : ipco_end])
    out = bytearray(file)
    # The first item of ipma is the primary image: flags, count of items, id, count of properties.
    place = ipma + 12 + 4 + 2
    out[place] += 1
    out[place + out[place] : place + out[place]] = bytes([0x80 | count + 1])
    out[ipma : ipma + 4] = struct.pack(">I", _number(file, ipma) + 1)
    out[ipco_end:ipco_end] = box
    out[ipco : ipco + 4] = struct.pack(">I", _number(file, ipco) + len(box))
    for name in (b"meta", b"iprp"):
        start = file.index(name) - 4
        out[start : start + 4] = struct.pack(">I", _number(file, start) + grown)
    # Offsets of items, as libavif and libheif write them: without base offset, with offsets and lengths of 4 bytes.
    has_method, has_base = file[iloc + 8], file[iloc + 13] >> 4
    step = 2 + 2 * has_method + 2 + has_base + 2 + 8
    for place in range(iloc + 16, iloc + _number(file, iloc), step):
        offset = place + step - 8
        out[offset : offset + 4] = struct.pack(">I", _number(file, offset) + grown)
    return bytes(out)


def avif_with_exif(image: Image.Image, orientation: int) -> bytes:
    """An AVIF whose EXIF alone declares the orientation."""
    return _with_orientation(file_of(image, "image/avif", exif=telling(), quality=90), orientation)


def heic_with_exif(image: Image.Image, orientation: int) -> bytes:
    """A HEIC whose EXIF alone declares the orientation."""
    return _with_orientation(file_of(image, "image/heic", exif=telling(), quality=90), orientation)


def _with_orientation(file: bytes, orientation: int) -> bytes:
    """The encoders move the orientation into the container, so that here another tag becomes the orientation."""
    place = file.index(struct.pack(">HHI", ExifTags.Base.ResolutionUnit, 3, 1), file.index(b"MM\0*"))
    return file[:place] + struct.pack(">HHIH", ExifTags.Base.Orientation, 3, 1, orientation) + file[place + 10 :]


def _number(data: bytes, start: int) -> int:
    return int.from_bytes(data[start : start + 4])


def _children(body: bytes) -> int:
    """The number of boxes in a body."""
    number = position = 0
    while position < len(body):
        number, position = number + 1, position + _number(body, position)
    return number


def many_parts(content_type: str) -> bytes:
    """A picture with more parts than any program writes. The HEIC declares lists of numbers that have no bytes."""
    if content_type == "image/jpeg":
        return b"\xff\xd8" + b"\xff\xfe\0\2" * 200_000 + file_of(quarters(), content_type)[2:]
    if content_type == "image/png":
        file = file_of(quarters(), content_type)
        return file[:33] + (bytes(4) + b"tEXt" + zlib.crc32(b"tEXt").to_bytes(4)) * 200_000 + file[33:]
    if content_type == "image/webp":
        file = file_of(quarters(), content_type)
        return file + b"XXXX\0\0\0\0" * 200_000
    if content_type == "image/avif":
        return file_of(quarters(), content_type) + b"\0\0\0\x08free" * 200_000
    file = heic_with_exif(quarters(), 6)
    start = file.index(b"iloc") - 4
    length = _number(file, start)
    items = (length - 18) // 6
    lists = b"\0\0\0\0" + b"\0\0" + items.to_bytes(2) + b"\xff\xfe\0\0\xff\xff" * items
    return file[: start + 8] + lists.ljust(length - 8, b"\0") + file[start + length :]


def clean_aperture(
    width: int, height: int, *, right: tuple[int, int] = (0, 1), down: tuple[int, int] = (0, 1)
) -> bytes:
    """The body of a box `clap`: its size, and how far its centre is right of and below that of the image."""
    return struct.pack(">4I", width, 1, height, 1) + struct.pack(">iIiI", *right, *down)


def claiming_boxes(file: bytes, width: int, height: int) -> bytes:
    """The HEIC or AVIF whose box `ispe` claims another size."""
    start = file.index(b"ispe") + 8
    return file[:start] + struct.pack(">II", width, height) + file[start + 8 :]


HTML = b"<!DOCTYPE html><html><script>alert(document.domain)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PSD = b"8BPS\0\x01" + bytes(6) + struct.pack(">HIIHH", 3, 16, 16, 8, 3) + bytes(14)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n(%pipe%id) (w) file\n%%EOF\n"


def tiff() -> bytes:
    file = io.BytesIO()
    quarters().save(file, "TIFF")
    return file.getvalue()
