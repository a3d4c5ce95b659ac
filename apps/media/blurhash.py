"""BlurHash: a placeholder of about thirty characters, shown until the picture has loaded.

Algorithm and constants: woltapp/blurhash, Algorithm.md. Plain Python needs two milliseconds for about a thousand
pixels, less than importing numpy would take. The package `blurhash` computes the cosines of every pixel again for every
component, and `blurhash-python` has no wheels for Python 3.13.
"""

import math
from collections.abc import Sequence

Colour = tuple[float, float, float]

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
LINEAR = [v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in range(256)]
STEPS = 19  # quantisation levels per channel


def encode(pixels: bytes, *, width: int, height: int, columns: int, rows: int) -> str:
    """The BlurHash of 8-bit sRGB `pixels` (red, green, blue, row by row), with 1 to 9 components along each side."""
    average, *details = _components(pixels, width, height, columns, rows)
    strongest = max((abs(channel) for detail in details for channel in detail), default=0.0)
    scale = max(0, min(82, math.floor(strongest * 166 - 0.5)))
    head = _digits(columns - 1 + (rows - 1) * 9, 1) + _digits(scale, 1) + _digits(_as_srgb(average), 4)
    return head + "".join(_digits(_quantised(detail, (scale + 1) / 166), 2) for detail in details)


def _components(pixels: bytes, width: int, height: int, columns: int, rows: int) -> list[Colour]:
    """The cosine transform of the linear light: first along the rows, then along the columns."""
    light = [LINEAR[value] for value in pixels]
    lines = [[light[3 * width * y + channel : 3 * width * (y + 1) : 3] for channel in range(3)] for y in range(height)]
    along = [[[_dot(wave, channel) for channel in line] for line in lines] for wave in _waves(columns, width)]
    return [
        _scaled([_dot(wave, [line[channel] for line in lines]) for channel in range(3)], 1 if i == j == 0 else 2)
        for j, wave in enumerate(_waves(rows, height))
        for i, lines in enumerate(along)
    ]


def _waves(count: int, length: int) -> list[list[float]]:
    return [[math.cos(math.pi * order * place / length) / length for place in range(length)] for order in range(count)]


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(map(float.__mul__, a, b))


def _scaled(colour: Sequence[float], factor: float) -> Colour:
    red, green, blue = colour
    return red * factor, green * factor, blue * factor


def _as_srgb(colour: Colour) -> int:
    number = 0
    for channel in colour:
        light = min(max(channel, 0.0), 1.0)
        value = light * 12.92 if light <= 0.0031308 else 1.055 * light ** (1 / 2.4) - 0.055
        number = number * 256 + int(value * 255 + 0.5)
    return number


def _quantised(colour: Colour, scale: float) -> int:
    number = 0
    for channel in colour:
        root = math.copysign(math.sqrt(abs(channel / scale)), channel)
        number = number * STEPS + max(0, min(STEPS - 1, math.floor(root * 9 + 9.5)))
    return number


def _digits(number: int, length: int) -> str:
    return "".join(DIGITS[number // 83 ** (length - place - 1) % 83] for place in range(length))
