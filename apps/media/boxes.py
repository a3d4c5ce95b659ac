"""Reads the boxes of HEIC and AVIF files: size, crop, rotation, colours and EXIF of the primary image.

Sources: ISO/IEC 14496-12 (boxes, items, sample descriptions), 23008-12 (HEIF: item properties), 23000-22 (MIAF) and
23091-2 (CICP).
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeVar

# An item of the type Exif in a list of items; its id has two bytes in version 2 and four in version 3.
EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)
# Boxes whose body begins with version and flags.
FULL_BOXES = {b"meta", b"iinf", b"ipma", b"iloc", b"pitm", b"ispe", b"stsd"}
# A sample description begins with these bytes; its boxes follow.
SAMPLE_ENTRY_BYTES = 78
# A picture has a few thousand boxes, segments or chunks. A hostile file can have millions, which take seconds to read.
MAX_PARTS = 100_000
T = TypeVar("T")


class TooManyParts(Exception):
    """The file has more than MAX_PARTS boxes, segments or chunks in a row, or numbers in a list of items."""


@dataclass(frozen=True)
class Cicp:
    """Code points of ITU-T H.273."""

    primaries: int
    transfer: int


@dataclass(frozen=True)
class PrimaryImage:
    """The declarations of a file about its primary image, before rotation. `aperture`: the visible part as left, top,
    right and bottom in pixels. `rotates`: the container declares a rotation, possibly none, which overrides EXIF."""

    size: tuple[int, int] | None = None
    aperture: tuple[int, int, int, int] | None = None
    rotates: bool = False
    cicp: Cicp | None = None
    exif: bytes = b""


@dataclass(frozen=True)
class Box:
    """`start` and `end` are positions in the data that contains the box."""

    kind: bytes
    start: int
    end: int
    body: bytes

    @property
    def version(self) -> int:
        return self.body[0]

    def children(self, skipped: int = 0) -> "list[Box]":
        return list(boxes(self.body[skipped + 4 * (self.kind in FULL_BOXES) :]))


def bounded(parts: Iterator[T]) -> Iterator[T]:
    """Yield the parts of a file. Raises TooManyParts."""
    for number, part in enumerate(parts):
        if number == MAX_PARTS:
            raise TooManyParts
        yield part


def boxes(data: bytes) -> Iterator[Box]:
    """Yield the boxes of a body. Raises ValueError for a box that is shorter than its header, and TooManyParts."""
    return bounded(_boxes(data))


def _boxes(data: bytes) -> Iterator[Box]:
    position = 0
    while position + 8 <= len(data):
        length, header = int.from_bytes(data[position : position + 4]), 8
        if length == 1:
            length, header = int.from_bytes(data[position + 8 : position + 16]), 16
        elif length == 0:
            length = len(data) - position
        if length < header:
            raise ValueError("a box is shorter than its header")
        end = position + length
        yield Box(data[position + 4 : position + 8], position, end, data[position + header : end])
        position = end


def without_exif(data: bytes) -> bytes:
    """The file with the type of its EXIF items overwritten, so that decoders ignore them. Offsets stay valid.

    Raises ValueError and TooManyParts.
    """
    parts, position = [], 0
    for box in boxes(data):
        if box.kind in (b"meta", b"moov"):
            parts += [data[position : box.start], EXIF_ITEM.sub(rb"\1skip", data[box.start : box.end])]
            position = box.end
    return b"".join([*parts, data[position:]])


def primary_image(data: bytes) -> PrimaryImage:
    """Raises IndexError, ValueError or similar for boxes that are truncated or inconsistent, and TooManyParts."""
    top = {box.kind: box for box in boxes(data) if box.kind in (b"ftyp", b"meta", b"moov")}
    is_sequence = b"moov" in top and (b"meta" not in top or top[b"ftyp"].body[:4] == b"avis")
    properties = _of_first_track(top[b"moov"]) if is_sequence else []
    exif = b""
    if b"meta" in top:
        meta = {box.kind: box for box in top[b"meta"].children()}
        properties = properties or _of_primary_item(meta)
        with suppress(LookupError, ValueError):
            exif = _exif(data, meta)
    return _described(properties, exif)


def _described(properties: list[Box], exif: bytes) -> PrimaryImage:
    first = {box.kind: box.body for box in reversed(properties)}
    size = (_number(first[b"ispe"], 4), _number(first[b"ispe"], 8)) if b"ispe" in first else None
    colours = [box.body for box in properties if box.kind == b"colr"]
    nclx = next((body for body in colours if body[:4] == b"nclx"), b"")
    return PrimaryImage(
        size,
        _aperture(first[b"clap"], size) if b"clap" in first and size else None,
        b"irot" in first or b"imir" in first,
        Cicp(int.from_bytes(nclx[4:6]), int.from_bytes(nclx[6:8])) if len(nclx) >= 8 else None,
        exif,
    )


def _aperture(clap: bytes, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The clean aperture: its size and the distance of its centre from that of the image, as fractions. Parts of pixels
    at its edge are outside. Raises ValueError if it is empty or outside the image."""
    width, height = (Fraction(_number(clap, place), _number(clap, place + 4)) for place in (0, 8))
    right, down = (Fraction(_number(clap, place, signed=True), _number(clap, place + 4)) for place in (16, 24))
    left, top = (size[0] - width) / 2 + right, (size[1] - height) / 2 + down
    aperture = (
        max(0, ceil(left)),
        max(0, ceil(top)),
        min(size[0], floor(left + width)),
        min(size[1], floor(top + height)),
    )
    if aperture[0] >= aperture[2] or aperture[1] >= aperture[3]:
        raise ValueError(f"clean aperture {aperture}")
    return aperture


def _of_primary_item(meta: dict[bytes, Box]) -> list[Box]:
    """The properties of the primary item in the order of their association."""
    properties, associations = [], []
    for box in meta[b"iprp"].children():
        if box.kind == b"ipco":
            properties = box.children()
        elif box.kind == b"ipma":
            associations += _associations(box, _primary_id(meta[b"pitm"]))
    return [properties[index - 1] for index in associations if 0 < index <= len(properties)]


def _primary_id(pitm: Box) -> int:
    return int.from_bytes(pitm.body[4 : 8 if pitm.version else 6])


def _associations(ipma: Box, wanted: int) -> list[int]:
    """The numbers of the properties that belong to the item `wanted`, from 1."""
    reader = _Reader(ipma.body, 4)
    index_bytes = 2 if ipma.body[3] & 1 else 1
    for _ in range(reader.number(4)):
        item = reader.number(4 if ipma.version else 2)
        # The highest bit says whether a reader must understand the property.
        indexes = [reader.number(index_bytes) & ~(0x80 << 8 * (index_bytes - 1)) for _ in range(reader.number(1))]
        if item == wanted:
            return indexes
    return []


def _of_first_track(moov: Box) -> list[Box]:
    """The boxes in the sample description of the first track that has images."""
    for trak in (box for box in moov.children() if box.kind == b"trak"):
        found = [trak]
        for kind in (b"mdia", b"minf", b"stbl", b"stsd"):
            found = [child for box in found for child in box.children() if child.kind == kind]
        for entry in (entry for stsd in found for entry in stsd.children(skipped=4)):
            if entry.kind == b"av01":
                size = entry.body[24:26].rjust(4, b"\0") + entry.body[26:28].rjust(4, b"\0")
                return [*entry.children(skipped=SAMPLE_ENTRY_BYTES), Box(b"ispe", 0, 0, bytes(4) + size)]
    return []


def _exif(data: bytes, meta: dict[bytes, Box]) -> bytes:
    """The EXIF block of the file; empty if there is none or its place is not in the file. It begins with the distance
    from there to the TIFF header."""
    items = {_item_id(box): box for box in meta[b"iinf"].children(skipped=4 if meta[b"iinf"].version else 2)}
    wanted = next((pk for pk, box in items.items() if box.body[8 if box.version < 3 else 10 :][:4] == b"Exif"), None)
    if wanted is None or b"iloc" not in meta:
        return b""
    block = b"".join(_extents(data, meta, wanted))
    return block[4 + _number(block, 0) :] if len(block) > 4 else b""


def _item_id(infe: Box) -> int:
    return int.from_bytes(infe.body[4 : 6 if infe.version < 3 else 8])


def _extents(data: bytes, meta: dict[bytes, Box], wanted: int) -> list[bytes]:
    """The parts of an item: in the file, or in the box `idat`."""
    iloc = meta[b"iloc"]
    reader = _Reader(iloc.body, 4)
    sizes, more = reader.number(1), reader.number(1)
    offset_bytes, length_bytes, base_bytes = sizes >> 4, sizes & 15, more >> 4
    index_bytes = more & 15 if iloc.version else 0
    id_bytes = 4 if iloc.version > 1 else 2
    for _ in range(reader.number(id_bytes)):
        item = reader.number(id_bytes)
        in_idat = reader.number(2) & 15 == 1 if iloc.version else False
        reader.number(2)
        base = reader.number(base_bytes)
        extents = []
        for _ in range(reader.number(2)):
            reader.number(index_bytes)
            extents.append((base + reader.number(offset_bytes), reader.number(length_bytes)))
        if item == wanted:
            source = meta[b"idat"].body if in_idat else data
            return [source[start : start + length] for start, length in extents]
    return []


class _Reader:
    """Reads numbers one after the other."""

    def __init__(self, data: bytes, position: int) -> None:
        self._data, self._position, self._read = data, position, 0

    def number(self, length: int) -> int:
        """Raises ValueError at the end of the data, and TooManyParts: numbers of no bytes would have no end."""
        self._read += 1
        if self._read > MAX_PARTS:
            raise TooManyParts
        start, self._position = self._position, self._position + length
        if self._position > len(self._data):
            raise ValueError("a box is truncated")
        return int.from_bytes(self._data[start : self._position])


def _number(data: bytes, start: int, *, signed: bool = False) -> int:
    return int.from_bytes(data[start : start + 4], signed=signed)
