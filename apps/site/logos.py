"""The logo that an administrator uploads."""

import io
import warnings

from PIL import Image

from apps.core.errors import Invalid
from apps.site.models import LOGO_EDGE

MAX_BYTES = 200 * 1000
MAX_EDGE = 2048


def make_logo(uploaded: bytes) -> bytes:
    """A square PNG with an edge of LOGO_EDGE pixels and without metadata, from a square PNG. Raises Invalid.

    Only PNG: its decoder runs in this process, and no other decoder is reachable.
    """
    if len(uploaded) > MAX_BYTES:
        raise Invalid(logo=("too_large", f"At most {MAX_BYTES // 1000} KB."))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(uploaded), formats=["PNG"]) as image:
                _require_square(image)
                pixels = image.convert("RGBA")
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise Invalid(logo=("invalid", "Upload a PNG.")) from error
    made = io.BytesIO()
    pixels.resize((LOGO_EDGE, LOGO_EDGE), Image.Resampling.LANCZOS).save(made, "PNG", optimize=True)
    return made.getvalue()


def _require_square(image: Image.Image) -> None:
    width, height = image.size
    if width != height or width > MAX_EDGE:
        raise Invalid(logo=("not_square", f"Upload a square of at most {MAX_EDGE} pixels, not {width} × {height}."))
