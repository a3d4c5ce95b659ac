"""Converts pictures whose colours are declared by code points (CICP) to sRGB.

Sources: ITU-T H.273 (code points), IEC 61966-2-1 (sRGB), SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG), BT.2408 (the level of
white in HDR), BT.2390 (tone mapping).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from apps.media.boxes import Cicp

Floats = NDArray[np.floating[Any]]

D65 = (0.3127, 0.3290)
# Code → chromaticities of red, green, blue and white.
PRIMARIES = {
    1: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060), D65),
    4: ((0.670, 0.330), (0.210, 0.710), (0.140, 0.080), (0.310, 0.316)),
    5: ((0.640, 0.330), (0.290, 0.600), (0.150, 0.060), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
SRGB = 1
PQ, HLG = 16, 18
# Luminance in candela per square metre: of diffuse white in HDR, which becomes white, and the highest with detail.
WHITE, PEAK = 203.0, 1000.0
# From one chromatic adaptation state to another (Bradford).
CONES = np.array(((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296)))


def to_srgb(image: Image.Image, cicp: Cicp) -> Image.Image | None:
    """The picture in sRGB, with HDR mapped to its range; None if its colours are those of sRGB or unknown."""
    primaries = cicp.primaries if cicp.primaries in PRIMARIES else SRGB
    if primaries == SRGB and cicp.transfer not in LIGHT:
        return None
    pixels = np.asarray(image.convert("RGB"))
    light = _light_of(pixels, cicp.transfer, primaries) @ _matrix(primaries).T
    if cicp.transfer in (PQ, HLG):
        light *= _tone_mapping(light.max(axis=2, keepdims=True))
    return Image.fromarray((_encoded(light.clip(0, 1)) * 255 + 0.5).astype(np.uint8))


def _light_of(pixels: NDArray[np.uint8], transfer: int, primaries: int) -> Floats:
    """Light relative to diffuse white, from 8-bit values."""
    curve = LIGHT.get(transfer, _decoded)(np.arange(256) / 255)
    light: Floats = curve.astype(np.float32)[pixels]
    if transfer == HLG:
        luminance = light @ _to_xyz(primaries)[1].astype(np.float32)
        light *= (PEAK / WHITE * np.maximum(luminance, 1e-6) ** 0.2)[..., None]
    return light


# ── Transfer functions ────────────────────────────────────────────────────────────────────────────────────────────


def _decoded(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _encoded(light: Floats) -> Floats:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


M1, M2, C1, C2, C3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128


def _pq_decoded(values: Floats) -> Floats:
    root = values ** (1 / M2)
    light: Floats = 10_000 / WHITE * (np.maximum(root - C1, 0) / (C2 - C3 * root)) ** (1 / M1)
    return light


def _pq_encoded(light: Floats) -> Floats:
    power = (light * (WHITE / 10_000)) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


def _hlg_decoded(values: Floats) -> Floats:
    """Light of the scene; the brightness of the display is applied later."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


# Those that differ visibly from sRGB; the curves of video (1, 6, 14, 15) are displayed like it.
LIGHT: dict[int, Callable[[Floats], Floats]] = {
    4: lambda values: values**2.2,
    5: lambda values: values**2.8,
    8: lambda values: values,
    PQ: _pq_decoded,
    17: lambda values: 52.37 / 48 * values**2.6,
    HLG: _hlg_decoded,
}


def _tone_mapping(brightest: Floats) -> Floats:
    """The factor that maps a pixel, whose brightest channel is given, to at most 1. Darker pixels keep their light;
    a spline begins below white and ends at PEAK (BT.2390)."""
    light = np.maximum(brightest, 1e-6)
    top = _pq_encoded(np.array(PEAK / WHITE, np.float32))
    values = np.minimum(_pq_encoded(light) / top, 1)
    white = _pq_encoded(np.array(1, np.float32)) / top
    knee = 1.5 * white - 0.5
    t = np.maximum(values - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * white
    return _pq_decoded(np.where(values < knee, values, spline) * top) / light


# ── Primaries ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _matrix(primaries: int) -> Floats:
    """From light in these primaries to light in those of sRGB."""
    matrix: Floats = (np.linalg.inv(_to_xyz(SRGB)) @ _to_xyz(primaries)).astype(np.float32)
    return matrix


def _to_xyz(primaries: int) -> Floats:
    """From light in these primaries to XYZ, with their white adapted to D65."""
    *colours, white = (np.array((x / y, 1, (1 - x - y) / y)) for x, y in PRIMARIES[primaries])
    columns = np.array(colours).T
    daylight = np.array((D65[0] / D65[1], 1, (1 - D65[0] - D65[1]) / D65[1]))
    adapted = np.linalg.inv(CONES) @ np.diag((CONES @ daylight) / (CONES @ white)) @ CONES
    matrix: Floats = adapted @ (columns * np.linalg.solve(columns, white))
    return matrix
