"""What the image pipeline produces. Needs no image library, so the processes around the sandbox load none."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from apps.media.containers import Limits, too_large

# Content type → encoder, file suffix, options. WebP's method 2 takes less than half the time of the default 4, for
# files that are 5 % larger; the figures are in docs/decisions/0010-image-sandbox.md.
ENCODINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "image/webp": ("WEBP", "webp", {"quality": 80, "method": 2}),
    "image/jpeg": ("JPEG", "jpg", {"quality": 82, "progressive": True, "optimize": True, "subsampling": "4:2:0"}),
}


@dataclass(frozen=True)
class Rendition:
    """One variant in one encoding; `width` and `height` in pixels, `bytes` its length, `path` its file if there is."""

    name: str
    content_type: str
    width: int
    height: int
    bytes: int
    path: Path = Path()


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


def require_size(source: Path, limits: Limits) -> None:
    """Raises ImagingError for a file that is too long, OSError."""
    if source.stat().st_size > limits.max_bytes:
        raise too_large(f"The file is larger than {limits.max_bytes // 1_000_000} MB.")


def write(picture: Picture, contents: list[bytes], *, into: Path) -> Picture:
    """Write the renditions into a folder. Returns the picture with their paths. Raises OSError."""
    written = []
    for rendition, content in zip(picture.renditions, contents, strict=True):
        _, suffix, _ = ENCODINGS[rendition.content_type]
        path = into / f"{rendition.name}.{suffix}"
        path.write_bytes(content)
        written.append(replace(rendition, path=path))
    return replace(picture, renditions=written)
