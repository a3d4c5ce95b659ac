"""Perceptual hashes of pictures: PDQ, 256 bits. The reference implementation is Meta's ThreatExchange."""

import numpy
import pdqhash
from PIL import Image

# The reference reduces larger pictures before hashing, and advises against comparing hashes of lower quality: plain
# surfaces all look alike (ThreatExchange, pdq/README.md and hashing/hashing.pdf).
LONGEST_SIDE = 512
LEAST_QUALITY = 50


def image_hashes(image: Image.Image) -> list[str]:
    """The hashes of an RGB picture as it is, rotated and mirrored, 64 hexadecimal digits each. Empty for a picture
    without enough detail.

    Each orientation is hashed by itself: the hashes that the library derives from a single one (`compute_dihedral`)
    differed by up to 40 bits for photos, which is more than the threshold for equal pictures.
    """
    small = image.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    hashes = [_image_hash(small)]
    if hashes[0] is None:
        return []
    hashes += [_image_hash(small.transpose(turn)) for turn in Image.Transpose]
    return [found for found in hashes if found]


def _image_hash(image: Image.Image) -> str | None:
    found, quality = pdqhash.compute(numpy.asarray(image))
    return numpy.packbits(found).tobytes().hex() if quality >= LEAST_QUALITY else None
