"""What a picture looks like, in 256 bits: PDQ, of which Meta's ThreatExchange is the reference."""

import numpy
import pdqhash
from PIL import Image

# The reference shrinks what is larger before it hashes, and advises to compare no hash of a lower quality: a plain
# wall, a page of white, each looks like any other (ThreatExchange, pdq/README.md and hashing/hashing.pdf).
LONGEST_SIDE = 512
LEAST_QUALITY = 50


def image_hash(image: Image.Image) -> str | None:
    """64 hexadecimal digits of an RGB picture; None for one with too little in it to be told from others."""
    small = image.copy()
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    found, quality = pdqhash.compute(numpy.asarray(small))
    return numpy.packbits(found).tobytes().hex() if quality >= LEAST_QUALITY else None
