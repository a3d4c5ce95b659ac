"""The accent colour of the site, and the contrast that WCAG 2.2 requires of it (success criterion 1.4.3)."""

import re
from functools import lru_cache

from django.core.exceptions import ValidationError

# As in static/web/app.css: the accent of the light theme, and the surface of each theme with the lower contrast.
DEFAULT_ACCENT = "#0a5bc2"
LIGHT_SURFACE, DARK_SURFACE = "#f6f7f8", "#181c20"
MIN_CONTRAST = 4.5
_HEX = re.compile(r"#[0-9a-f]{6}")


def validate_accent(colour: str) -> None:
    """Raises ValidationError unless links in the colour and white text on it are legible in the light theme."""
    if not _HEX.fullmatch(colour):
        raise ValidationError(
            "Write the colour as # and six lower-case hexadecimal digits, such as #0a5bc2.", "invalid"
        )
    ratio = contrast(colour, LIGHT_SURFACE)
    if ratio < MIN_CONTRAST:
        raise ValidationError(
            f"The contrast with the background is {ratio:.1f}:1, but text needs at least {MIN_CONTRAST}:1. "
            "Choose a darker colour.",
            "low_contrast",
        )


@lru_cache(maxsize=16)
def accent_for_dark_theme(accent: str) -> str:
    """The accent, mixed with as much white as text needs on the dark surface."""
    for percent in range(0, 101, 5):
        mixed = _mix_with_white(accent, percent / 100)
        if contrast(mixed, DARK_SURFACE) >= MIN_CONTRAST:
            break
    return mixed


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 to 21 (WCAG 2.2, definition of "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _mix_with_white(colour: str, share: float) -> str:
    return "#" + "".join(f"{round(channel + (255 - channel) * share):02x}" for channel in _channels(colour))
