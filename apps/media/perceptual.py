"""What a picture looks like, in 256 bits: PDQ, of which Meta's ThreatExchange is the reference."""

import numpy
import pdqhash
from PIL import Image

# The reference shrinks what is larger before it hashes, and advises to compare no hash of a lower quality: a plain
# wall, a page of white, each looks like any other (ThreatExchange, pdq/README.md and hashing/hashing.pdf).
LONGEST_SIDE = 512
LEAST_QUALITY = 50


def image_hashes(image: Image.Image) -> list[str]:
    """64 hexadecimal digits of an RGB picture as it is, then as it is turned and mirrored; none of one with too little
    in it to be told from others.

    Each is hashed by itself: what the library derives from one hash for all of them (`compute_dihedral`) came up to 40
    bits beside it with photographs, more than two pictures may differ in.
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
