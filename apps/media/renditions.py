"""What the image pipeline produces. Needs no image library, so the processes around the sandbox do not load any."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Content type → encoder, file suffix, options. WebP's method 2 takes less than half the time of the default 4, for
# files that are 5 % larger; the figures are in docs/decisions/0010-image-sandbox.md.
ENCODINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "image/webp": ("WEBP", "webp", {"quality": 80, "method": 2}),
    "image/jpeg": ("JPEG", "jpg", {"quality": 82, "progressive": True, "optimize": True, "subsampling": "4:2:0"}),
}


@dataclass(frozen=True)
class Rendition:
    """One variant in one encoding; `width` and `height` in pixels, `bytes` the length of the file at `path`."""

    name: str
    content_type: str
    width: int
    height: int
    bytes: int
    path: Path


@dataclass(frozen=True)
class Picture:
    """`width` and `height` are those of the upright original; renditions are sorted by size, smallest first."""

    width: int
    height: int
    blurhash: str
    dominant_color: str
    # Perceptual hashes of the picture as it is, rotated and mirrored; empty if it is too plain to compare.
    image_hashes: list[str]
    renditions: list[Rendition]
