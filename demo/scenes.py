"""The scenes of the photographs. Each is a function of (random numbers, rows, columns)."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from demo.light import (
    Daylight,
    Picture,
    Plane,
    View,
    blur,
    cloud_layer,
    clouds,
    grid,
    line,
    mix,
    ramp,
    rgb,
    sample,
    sky,
    smoothstep,
    spectrum,
)

Scene = Callable[[np.random.Generator, int, int], Picture]

DAYS = [
    # a clear morning
    Daylight([(0, "2f6fb3"), (0.6, "8cb7dc"), (1, "dbe6ea")], (0.85, 0.2), "ffe2b0", "fffdf8", "9fb0c4", 0.5),
    # golden hour
    Daylight(
        [(0, "4a6f9e"), (0.55, "b3aeb4"), (0.85, "f0bd8c"), (1, "f8c98e")], (0.3, 0.86), "ffb45a", "ffe3bd", "8d7f96"
    ),
    # after sunset
    Daylight(
        [(0, "27386b"), (0.5, "6d6596"), (0.8, "d78b86"), (1, "f2ac7f")],
        (0.62, 0.97),
        "ff8a4a",
        "f5a58d",
        "4d4872",
        0.8,
    ),
    # a grey, quiet day
    Daylight([(0, "8797a6"), (0.6, "b4bfc7"), (1, "d6dadb")], (0.5, 0.4), "ffffff", "e4e8ea", "7f8a95", 0.25),
]


def _pick(rng: np.random.Generator, among: list[Daylight]) -> Daylight:
    return among[int(rng.integers(len(among)))]


# ── Mountains ────────────────────────────────────────────────────────────────────────────────────────────
def _shine(view: View, heights: Plane, distance: Plane, towards: tuple[float, float, float]) -> tuple[Plane, Plane]:
    """(how directly light from `towards` (right, up, away) falls, how level the ground is), both 0..1."""
    slope_x = np.gradient(heights, axis=1) / (distance / view.focal)
    slope_z = np.gradient(heights, axis=0) / np.gradient(distance, axis=0)
    length = np.sqrt(slope_x**2 + slope_z**2 + 1)
    light = np.array(towards, np.float32)
    right, up, away = light / np.linalg.norm(light)
    return np.clip((up - slope_x * right - slope_z * away) / length, 0, 1), 1 / length


def _haze(picture: Picture, horizon: float) -> Picture:
    """The colour that far things take on, along the horizon."""
    row = picture[int(horizon) - 4 : int(horizon)].mean(axis=0, keepdims=True)
    return blur(np.repeat(row, 2, axis=0).astype(np.float32), picture.shape[1] / 12)[:1]


def _firs(
    rng: np.random.Generator, picture: Picture, *, foot: Plane, size: float, colour: Picture, count: int
) -> Picture:
    """`picture` behind the black of a wood: `count` firs about `size` pixels high that stand on the line `foot`."""
    rows, columns = picture.shape[:2]
    mask = (np.arange(rows, dtype=np.float32)[:, None] > foot[None]).astype(np.float32)
    for _ in range(count):
        at, high = int(rng.integers(columns)), size * rng.lognormal(0, 0.32)
        tip, wide = int(foot[at] - high), max(3, int(high * rng.uniform(0.15, 0.22)))
        y = np.arange(int(high) + 4, dtype=np.float32)[:, None] / high
        x = np.arange(-wide, wide + 1, dtype=np.float32)[None, :] / wide
        tiers = rng.uniform(11, 17)
        reach = y * (0.62 + 0.38 * ((y * tiers + np.abs(x) * 0.8 + rng.uniform()) % 1)) + 0.02
        ragged = rng.uniform(-0.12, 0.12, (y.shape[0], x.shape[1])).astype(np.float32)
        tree = smoothstep(0.06, -0.06, np.abs(x) - reach - ragged * y)
        top, left = max(tip, 0), max(at - wide, 0)
        bottom, right = min(tip + tree.shape[0], rows), min(at + wide + 1, columns)
        if bottom > top:
            part = mask[top:bottom, left:right]
            np.maximum(part, tree[top - tip : bottom - tip, left - at + wide : right - at + wide], out=part)
    return mix(picture, colour, mask)


def _range(rng: np.random.Generator, rows: int, columns: int, day: Daylight, *, eye: float) -> tuple[Picture, Picture]:
    """(a range of peaks with rock, snow and woods, paler with distance; the haze along its horizon)."""
    horizon = rows * rng.uniform(0.48, 0.58)
    view = View(rows, columns, eye, horizon, max(rows, columns) * rng.uniform(1.1, 1.7))
    picture = sky(day, rows, columns, horizon)
    picture = cloud_layer(rng, picture, day, horizon, cover=rng.uniform(0.2, 0.55))
    distance = view.distances(1100, 32000, 620)
    x = view.across(distance)
    u, v = distance / 62, x / 62
    broad, fine = spectrum(rng, 512, 2.6), spectrum(rng, 512, 2.0)
    warp = sample(fine, u * 0.3, v * 0.3) * 6
    ridge = 1 - np.abs(sample(broad, u * 1.1 + warp, v * 1.1 + warp + 60))
    spurs = 1 - np.abs(sample(broad, u * 3.3 + warp * 2, v * 3.3))
    crags, stones = sample(fine, u * 5.1, v * 5.1), sample(fine, u * 23.3 + 40, v * 23.3)
    steep = smoothstep(-0.5, 0.9, ridge)
    grow = smoothstep(1500, 9000, distance) * 1.25 + 0.12
    shape = np.clip(ridge, -0.6, 1) * 850 + steep * (spurs * 330 + (1 - np.abs(crags)) * 95 - np.abs(stones) * 20)
    heights = (shape + 60) * grow

    side = 1.0 if day.sun[0] > 0.5 else -1.0
    lit, level = _shine(view, heights, distance, (side * 1.0, 0.62, -0.25))
    hollow = np.clip(0.75 + 0.25 * (1 - np.abs(crags)) + 0.22 * (0.6 - np.abs(stones)), 0.5, 1.2)
    snow_line = rng.uniform(380, 900)
    snow = smoothstep(0.40, 0.60, level + stones * 0.05) * smoothstep(snow_line, snow_line + 260, heights + crags * 130)
    wood = smoothstep(snow_line + 40, snow_line - 330, heights + stones * 70 + crags * 60) * smoothstep(
        0.35, 0.6, level
    )
    leaves = spectrum(rng, 512, 0.9)
    trees = np.clip(0.75 + 0.35 * sample(leaves, u * 31 + v * 9, v * 31 - u * 9) + 0.12 * stones, 0.25, 1.5)[..., None]
    rock = mix(rgb("4d4a48"), rgb("8a8076"), np.clip(stones * 0.35 + crags * 0.3 + 0.5, 0, 1))
    ground = mix(rock, rgb("2b3820") * trees, wood)
    ground = mix(ground, rgb("f3f6fb"), snow)
    sunlight = mix(rgb(day.light), rgb(day.glow), 0.3) * (0.55 + 0.6 * day.strength)
    ambient = (mix(rgb(day.shade), rgb("8fa6c8"), 0.35) * 0.55)[None, None] * hollow[..., None]
    colours = ground * (smoothstep(0.1, 0.95, lit)[..., None] * sunlight + ambient)
    colours *= 0.4 + 0.6 * smoothstep(1000, 7000, distance)[..., None]
    thick = rng.uniform(12000, 22000)
    thickness = (1 - np.exp(-distance / thick)) * (0.55 + 0.45 * np.exp(-np.clip(heights, 0, None) / 900))
    haze = _haze(picture, horizon)
    return view.project(heights, distance, mix(colours, haze, thickness), picture), haze


def mountains(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Peaks, often seen over the tops of a wood."""
    picture, haze = _range(rng, rows, columns, _pick(rng, DAYS), eye=rng.uniform(700, 1000))
    if rng.uniform() < 0.6:
        foot = rows * (0.95 + 0.08 * line(rng, columns, cell=columns / 2.5))
        return _firs(
            rng, picture, foot=foot, size=rows * 0.13, colour=haze * 0.12 + rgb("0b1012"), count=int(columns / 9)
        )
    return picture


def lake(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Peaks and their reflection."""
    shore = int(rows * rng.uniform(0.6, 0.68))
    above, haze = _range(rng, int(rows * 1.15), columns, _pick(rng, DAYS), eye=rng.uniform(250, 450))
    above = above[:rows]
    foot = shore - rows * 0.012 * (1.2 + line(rng, columns, cell=columns / 4))
    bank = haze * 0.13 + rgb("10150f")
    above = _firs(rng, above, foot=foot, size=rows * rng.uniform(0.035, 0.06), colour=bank, count=int(columns / 5))
    return _mirrored(rng, above, shore, calm=rng.uniform(0.35, 1.0))


def _mirrored(rng: np.random.Generator, above: Picture, shore: int, *, calm: float) -> Picture:
    """`above` down to row `shore`, and below it on water; `calm` 1 is a mirror."""
    rows, columns = above.shape[:2]
    deep = rows - shore
    y, x = grid(deep, columns)
    far = deep / (y + deep * 0.06)
    tile = spectrum(rng, 512, 1.3)
    ripples = sample(tile, far * 260, (x - columns / 2) / columns * far * 60 + 40)
    ripples = ripples * smoothstep(0, deep * 0.5, y) * (1.6 - calm)
    row = shore - 2 - y * (0.92 + 0.05 * ripples) - ripples * rows * 0.006
    column = x + ripples * columns * 0.002
    row = np.clip(row, 0, shore - 1).astype(np.int32)
    column = np.clip(column, 0, columns - 1).astype(np.int32)
    mirrored = blur(above, 3)[row, column]
    depth = y / deep
    water = mirrored * (0.9 - 0.28 * depth)[..., None] + rgb("0c2228") * (0.06 + 0.12 * depth)[..., None]
    result = above.copy()
    result[shore:] = water
    edge = slice(max(shore - 2, 0), shore + 2)
    result[edge] = result[edge] * 0.6
    return result


# ── The sea ──────────────────────────────────────────────────────────────────────────────────────────────
EVENINGS = [
    Daylight(
        [(0, "2b4a7d"), (0.5, "8f8fa9"), (0.8, "eab287"), (1, "f9c479")], (0.5, 0.9), "ffab4a", "ffd9ae", "6f6a86"
    ),
    Daylight(
        [(0, "20295c"), (0.45, "69528b"), (0.75, "cc6f7f"), (1, "f7a26a")], (0.42, 0.95), "ff7b3d", "f59a86", "45406b"
    ),
    Daylight([(0, "57788f"), (0.6, "c2b79f"), (1, "f6dca6")], (0.6, 0.8), "ffd98a", "fff0d2", "8c8f93"),
    Daylight(
        [(0, "1b2440"), (0.6, "4b4d6d"), (0.9, "a2707a"), (1, "c98a70")], (0.35, 1.0), "ff9a66", "b98a94", "3a3c58", 0.6
    ),
]


def sea(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """The evening sun over open water."""
    day = _pick(rng, EVENINGS)
    day = replace(day, sun=(float(rng.uniform(0.25, 0.75)), day.sun[1]))
    horizon = rows * rng.uniform(0.42, 0.6)
    picture = sky(day, rows, columns, horizon, disc=True)
    picture = cloud_layer(rng, picture, day, horizon, cover=rng.uniform(0.3, 0.62), scale=rng.uniform(0.7, 1.3))
    shore = int(horizon)
    picture = _on_the_sea(rng, picture, shore, day, swell=rng.uniform(0.6, 1.4))
    if rng.uniform() < 0.55:
        picture = _headlands(rng, picture, shore)
    return picture


def _on_the_sea(rng: np.random.Generator, picture: Picture, shore: int, day: Daylight, *, swell: float) -> Picture:
    rows, columns = picture.shape[:2]
    y, x = grid(rows - shore, columns)
    far = 1 / (y + 1.5) * rows
    u, v = far * 22, (x - columns / 2) / columns * far * 16
    tile, fine = spectrum(rng, 512, 1.15), spectrum(rng, 512, 0.75)
    near = smoothstep(0, (rows - shore) * 0.7, y)
    chop = sample(tile, u * 2.7, v * 1.3) * (0.35 + 0.4 * near) + sample(fine, u * 9 + 99, v * 6.1) * near * 0.6
    tilt = chop * swell
    reach = 1 - y / (rows - shore)
    row = shore - 2 - (y * 0.55 + rows * 0.05 * (0.6 + np.abs(tilt)) + tilt * rows * 0.05 * (1.2 - reach))
    column = x + tilt * columns * 0.016
    seen = blur(picture, 4)[
        np.clip(row, 0, shore - 1).astype(np.int32), np.clip(column, 0, columns - 1).astype(np.int32)
    ]
    fresnel = np.clip(0.6 * reach + 0.42 - 0.2 * np.clip(tilt, -1, 1.5), 0.15, 0.95)
    depth = rgb(day.shade) * 0.24 + rgb("04161f")
    water = mix(np.broadcast_to(depth, seen.shape), seen * 0.92, fresnel)
    aside = np.abs(x - day.sun[0] * columns) / (columns * (0.035 + 0.09 * near))
    sparkle = smoothstep(0.55, 1.7, tilt + 0.75) * np.exp(-(aside**2)) * day.strength
    water = water + sparkle[..., None] * rgb(day.glow) * 0.9
    result = picture.copy()
    result[shore:] = water
    result[shore - 1 : shore + 1] = (picture[shore - 1] + water[0]) / 2
    return result


def _headlands(rng: np.random.Generator, picture: Picture, shore: int) -> Picture:
    """Dark land from one side into the sea, with its reflection."""
    rows, columns = picture.shape[:2]
    side, result = (1 if rng.uniform() < 0.5 else -1), picture
    for depth in range(int(rng.integers(1, 3))):
        x = np.linspace(0, 1, columns, dtype=np.float32)[::side]
        length = rng.uniform(0.3, 0.7) / (1 + depth)
        profile = smoothstep(length, length * 0.15, x) * rows * rng.uniform(0.05, 0.13) * (1 - 0.35 * depth)
        profile = profile * (1 + 0.35 * line(rng, columns, cell=columns / 6)) + (x < length) * rows * 0.004
        y = np.arange(rows, dtype=np.float32)[:, None]
        land = np.clip(y - (shore - profile[None]), 0, 1) * (y < shore + 1)
        ripple = 1 + 0.12 * np.sin(y * 1.9 + 6 * line(rng, rows, cell=8)[:, None])
        reflected = np.clip((shore + profile[None] * 0.8 * ripple) - y, 0, 1) * (y >= shore)
        haze = picture[shore - 3 : shore].mean(axis=(0, 1))
        rock = haze * (0.12 + 0.14 * (1 - depth)) * 0.8 + 0.015
        result = mix(mix(result, rock, land), rock * 0.7 + 0.01, reflected * 0.75)
    return result


# ── Night ────────────────────────────────────────────────────────────────────────────────────────────────
def _stars(rng: np.random.Generator, rows: int, columns: int, *, dense: Plane | float = 1.0) -> Picture:
    """Stars, few bright and many faint, more where `dense`."""
    picture = np.zeros((rows, columns, 3), np.float32)
    count = int(rows * columns / 170)
    y, x = rng.integers(1, rows - 2, count), rng.integers(1, columns - 2, count)
    bright = np.minimum(0.075 / rng.uniform(0.02, 1, count) ** 0.95, 2.2).astype(np.float32)
    if isinstance(dense, np.ndarray):
        kept = rng.uniform(0, 1, count) < np.clip(dense[y, x], 0.18, 1)
        y, x, bright = y[kept], x[kept], bright[kept]
    hue = ramp([(0, "9fbcff"), (0.5, "ffffff"), (1, "ffd2a1")], rng.uniform(0, 1, len(y)).astype(np.float32))
    light = hue * bright[:, None]
    picture[y, x] = light
    big = bright > 0.45
    for dy, dx, share in ((0, 1, 0.7), (1, 0, 0.7), (1, 1, 0.55), (0, -1, 0.3), (-1, 0, 0.3)):
        np.maximum.at(picture, (y[big] + dy, x[big] + dx), light[big] * share)
    return picture


def milky_way(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """The galaxy over dark hills, a little of the day left on the horizon."""
    y, x = grid(rows, columns)
    angle = rng.uniform(-0.9, 0.9) + 1.57 * (rows > columns)
    along = (x - columns * rng.uniform(0.4, 0.6)) * math.cos(angle) + (y - rows * 0.4) * math.sin(angle)
    aside = -(x - columns * 0.5) * math.sin(angle) + (y - rows * 0.42) * math.cos(angle)
    size = min(rows, columns)
    dust = clouds(rng, rows, columns, cell=(size / 4, size / 4), fade=0.62)
    veil = clouds(rng, rows, columns, cell=(size / 3, size / 3), fade=0.55)
    offset = aside / (size * 0.23) + 0.28 * veil
    band = np.exp(-(offset**2)) * (0.75 + 0.35 * np.exp(-((along / (size * 0.6)) ** 2)))
    lane = smoothstep(0.25, 1.1, dust + 0.75 * np.exp(-((aside / (size * 0.075)) ** 2))) * band
    glow = np.clip(band * (0.8 + 0.45 * dust) - lane * 0.85, 0, 2)
    height = y / rows
    night = ramp([(0, "060b1c"), (0.55, "0f1a38"), (0.85, "2b3656"), (1, "6a5a5e")], height + x * 0)
    picture = night + glow[..., None] * mix(rgb("6f7fb0"), rgb("e0b79a"), np.clip(band - 0.3, 0, 1)) * 0.52
    picture += _stars(rng, rows, columns, dense=0.25 + band)
    hills = rows * (0.86 + 0.07 * line(rng, columns, cell=columns / 2, fade=0.42))
    warm = (np.exp(-np.abs(x / columns - rng.uniform(0.2, 0.8)) * 3) * smoothstep(0.55, 0.95, height))[..., None]
    picture += warm * rgb("c9803f") * 0.4
    return _firs(rng, picture, foot=hills, size=rows * 0.07, colour=rgb("05070c"), count=int(columns / 16))


def aurora(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Northern lights over a lake."""
    y, x = grid(rows, columns)
    shore = int(rows * rng.uniform(0.68, 0.78))
    height = y / shore
    picture = ramp([(0, "050a18"), (0.6, "0a1a2e"), (1, "1b3a45")], np.clip(height, 0, 1) + x * 0)
    picture = picture + _stars(rng, rows, columns) * smoothstep(1.0, 0.7, height)[..., None]
    for _ in range(int(rng.integers(2, 4))):
        foot = shore * (rng.uniform(0.45, 0.75) + 0.2 * line(rng, columns, cell=columns / 1.6, fade=0.35))
        rays = 0.62 + 0.38 * line(rng, columns, cell=columns / 14, fade=0.8)
        tall = shore * rng.uniform(0.25, 0.5) * (1 + 0.4 * line(rng, columns, cell=columns / 5))
        up = (foot[None] - y) / tall[None]
        curtain = np.where(up > 0, np.exp(-up * 2.6), np.exp(np.minimum(up, 0) * 14)) * np.clip(rays, 0, 2)[None]
        presence = smoothstep(-0.3, 0.6, line(rng, columns, cell=columns / 2))[None]
        colour = ramp([(0, "4dff9a"), (0.35, "38e0a0"), (0.7, "6d5bd0"), (1, "b04ec0")], np.clip(up * 0.75, 0, 1))
        picture = picture + (curtain * presence)[..., None] * colour * rng.uniform(0.45, 0.75)
    hills = shore - rows * 0.05 * (1.2 + line(rng, columns, cell=columns / 2.2))
    picture = _firs(rng, picture, foot=hills, size=rows * 0.06, colour=rgb("03070a"), count=int(columns / 12))
    return _mirrored(rng, picture, shore, calm=0.8)


# ── Sand, mist, clouds ───────────────────────────────────────────────────────────────────────────────────
def dunes(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Dunes in low light, their crests between sun and shade."""
    day = _pick(rng, [DAYS[0], DAYS[1], EVENINGS[2], DAYS[2]])
    day = replace(day, sun=(0.04 if rng.uniform() < 0.5 else 0.96, 0.8))
    horizon = rows * rng.uniform(0.3, 0.42)
    picture = sky(day, rows, columns, horizon)
    view = View(rows, columns, rng.uniform(44, 52), horizon, max(rows, columns) * rng.uniform(1.0, 1.5))
    distance = view.distances(26, 2600, 700)
    x = view.across(distance)
    bend, fine = spectrum(rng, 1024, 2.6), spectrum(rng, 512, 1.2)
    drift = sample(bend, distance / 0.6, x / 0.6)
    phase = (distance * 0.7 + x * rng.uniform(-0.5, 0.5)) / 170 + drift * 0.5
    part = phase - np.floor(phase)
    profile = np.where(part < 0.7, smoothstep(0, 0.7, part), smoothstep(1, 0.7, part) ** 1.15)
    strength = np.clip(0.85 + 0.3 * sample(bend, distance / 1.1 + 200, x / 1.1), 0.3, 1.2)
    heights = profile * 28 * strength + sample(bend, distance / 1.5, x / 1.5 + 77) * 4
    wind = np.sin((distance * 0.8 + x * 0.35 + sample(fine, distance * 0.6, x * 0.6) * 0.9) * 4.6)
    ripple = wind * 0.035 * smoothstep(260, 60, distance)
    side = 1.0 if day.sun[0] > 0.5 else -1.0
    lit, _ = _shine(view, heights + ripple, distance, (side * 0.9, 0.42, 0.25))
    sand = mix(rgb("b07a4a"), rgb("d9a76f"), np.clip(0.5 + 0.3 * drift, 0, 1))
    sand = sand * (1 + 0.05 * sample(fine, distance * 3, x * 3))[..., None]
    sunlight = mix(rgb(day.light), rgb(day.glow), 0.4) * (0.7 + 0.5 * day.strength)
    colours = sand * (smoothstep(0.06, 0.8, lit)[..., None] * sunlight + mix(rgb(day.shade), rgb("6c5a6e"), 0.5) * 0.42)
    return view.project(heights, distance, mix(colours, _haze(picture, horizon), 1 - np.exp(-distance / 3400)), picture)


def forest(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Trunks in the mist of a morning."""
    y, x = grid(rows, columns)
    tint = [("eef1e4", "28352b"), ("f5e6c4", "2d2a1d"), ("dfe8ec", "202c33"), ("f8dcb0", "33231a")][
        int(rng.integers(4))
    ]
    light, dark = rgb(tint[0]), rgb(tint[1])
    at = rng.uniform(0.25, 0.75)
    glow = np.exp(-(((x / columns - at) / 0.42) ** 2) - ((y / rows - 0.33) / 0.5) ** 2)
    mist = clouds(rng, rows, columns, cell=(rows / 3, columns / 2))
    picture = mix(mix(light, dark, 0.42), light, np.clip(glow + 0.08 * mist, 0, 1))
    picture = np.broadcast_to(picture, (rows, columns, 3))
    layers = 7
    for depth in range(layers):
        near = (depth + 1) / layers
        tone = mix(picture.mean(axis=(0, 1)), dark, 0.12 + 0.82 * near**1.5)
        ground = rows * (0.66 + 0.3 * near**1.4) + rows * 0.03 * line(rng, columns, cell=columns / 3)
        cover = np.clip(y - ground[None], 0, 1) * (0.35 + 0.6 * near)
        width = columns * (0.004 + 0.022 * near**2.2)
        for _ in range(int(rng.integers(14, 20) * (1.25 - near) + 3)):
            centre, lean = rng.uniform(-0.02, 1.02) * columns, rng.uniform(-0.03, 0.03)
            thick = width * rng.lognormal(0, 0.3) / 2
            bark = line(rng, rows, cell=rows / 5)[:, None] * thick * 0.5
            left, right = (
                int(max(centre - thick * 4 - rows * 0.04, 0)),
                int(min(centre + thick * 4 + rows * 0.04, columns)),
            )
            if right <= left:
                continue
            axis = centre + (y - rows) * lean + bark
            swell = thick * (
                0.75
                + 0.35 * y / rows
                + 1.6 * np.clip((y - ground[min(int(max(centre, 0)), columns - 1)]) / rows + 0.03, 0, 0.06) / 0.06 * 0.4
            )
            trunk = np.clip(swell - np.abs(x[:, left:right] - axis) + 0.5, 0, 1) * (0.45 + 0.5 * near)
            np.maximum(
                cover[:, left:right], trunk * (y < ground[left:right][None] + rows * 0.03), out=cover[:, left:right]
            )
        if depth > 1:
            top = int(rows * 0.62)
            leaves = clouds(rng, top, columns, cell=(rows / 9, rows / 8), fade=0.86)
            crown = smoothstep(0.0, 0.35, leaves - 0.35 - (y[:top] / rows) * 1.7 + 0.35 * near) * (0.3 + 0.5 * near)
            np.maximum(cover[:top], crown, out=cover[:top])
        if near > 0.8:
            fern = clouds(rng, rows, columns, cell=(rows / 30, rows / 40), fade=0.8)
            tone = tone * (1 + 0.5 * fern[..., None] * smoothstep(0.66, 0.95, y / rows)[..., None])
        picture = mix(picture, tone, cover)
        picture = picture + (0.1 * (1 - near) * glow)[..., None] * light
    rays = clouds(rng, rows, columns, cell=(rows * 2, columns / 16))
    slanted = rays[
        np.clip((y * 0.2).astype(int) + 0 * x.astype(int), 0, rows - 1),
        np.clip((x + (y - rows) * 0.35), 0, columns - 1).astype(int),
    ]
    return np.asarray(picture + (np.clip(slanted, 0, 1) * glow * 0.22 * (1 - y / rows))[..., None] * light)


def sea_of_clouds(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Above the clouds at sunrise, a few summits out of them."""
    day = replace(_pick(rng, [DAYS[0], DAYS[1], DAYS[2], EVENINGS[1]]), sun=(float(rng.uniform(0.2, 0.8)), 0.9))
    horizon = rows * rng.uniform(0.34, 0.46)
    picture = sky(day, rows, columns, horizon, disc=bool(rng.uniform() < 0.4))
    view = View(rows, columns, 620, horizon, max(rows, columns) * rng.uniform(0.9, 1.3))
    distance = view.distances(320, 60000, 660)
    x = view.across(distance)
    broad, fine = spectrum(rng, 512, 2.0), spectrum(rng, 512, 1.6)
    u, v = distance / 55, x / 55
    swell = sample(broad, u * 0.5, v * 0.5)
    puffs = np.abs(sample(fine, u * 1.3, v * 1.3)) + 0.45 * np.abs(sample(fine, u * 3.9 + 50, v * 3.9))
    puffs = puffs + 0.16 * np.abs(sample(fine, u * 11.3, v * 11.3 + 9))
    heights = swell * 90 + puffs * 120
    summits = sample(broad, u * 0.4 + 120, v * 0.4)
    crag = 1 - np.abs(sample(fine, u * 3.3, v * 3.3))
    rock = (summits - rng.uniform(0.9, 1.5)) * 620 + crag * 210
    summit = smoothstep(0, 50, rock - heights)
    surface = np.maximum(heights, rock)
    lit, _ = _shine(view, surface, distance, ((day.sun[0] - 0.5) * 2, 0.5, 0.75))
    lit = np.clip(0.15 + 0.65 * smoothstep(0.05, 0.95, lit) + 0.16 * swell + 0.22 * (puffs - 0.8), 0, 1.15)
    white = mix(mix(rgb(day.shade), rgb("8fa3c4"), 0.35), mix(rgb(day.light), rgb(day.glow), 0.25), lit)
    stone = mix(rgb("2d2c35"), rgb("6b5f5c"), lit * crag)
    colours = mix(white, stone, summit)
    return view.project(
        surface, distance, mix(colours, _haze(picture, horizon), 1 - np.exp(-distance / 26000)), picture
    )


def field(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Rows of lavender (or tulips, or young wheat) that run to the horizon."""
    day = _pick(rng, DAYS)
    horizon = rows * rng.uniform(0.36, 0.5)
    picture = sky(day, rows, columns, horizon)
    picture = cloud_layer(rng, picture, day, horizon, cover=rng.uniform(0.35, 0.6))
    crops = [
        ("6a4ba3", "a58ad6", "5d7040"),
        ("c23a3f", "ee7d6a", "3f6a2f"),
        ("d6a12e", "f7d96b", "50742f"),
        ("6f8f3a", "a9c25a", "6d5636"),
    ]
    dark, bright, between = (rgb(colour) for colour in crops[int(rng.integers(len(crops)))])
    view = View(rows, columns, 2.6, horizon, max(rows, columns) * rng.uniform(0.8, 1.1))
    distance = view.distances(2.2, 900, 560)
    x = view.across(distance) + distance * rng.uniform(-0.25, 0.25)
    rough, fine = spectrum(rng, 512, 1.7), spectrum(rng, 512, 0.8)
    wobble = sample(rough, distance * 2.5, x * 2.5) * 0.06 + sample(rough, distance / 7, x / 7) * 0.25
    part = np.abs(((x + wobble) / 1.5) % 1 - 0.5) * 2
    fade = smoothstep(120, 30, distance)
    bush = smoothstep(0.95, 0.35, part)
    tufts = sample(fine, distance * 34, x * 34)
    heights = (
        bush * (0.62 + 0.075 * tufts) * fade + sample(rough, distance / 3, x / 3) * smoothstep(60, 400, distance) * 2.2
    )
    flowers = mix(dark, bright, np.clip(0.42 + 0.42 * tufts + 0.5 * (bush - 0.6), 0, 1))
    ground = mix(between * (0.75 + 0.15 * tufts)[..., None], flowers, smoothstep(0.15, 0.55, bush))
    ground = mix(mix(flowers, between, 0.3), ground, np.broadcast_to(fade * 0.8 + 0.2, bush.shape))
    sunlight = mix(rgb(day.light), rgb(day.glow), 0.3) * (0.72 + 0.3 * day.strength)
    lit = (0.55 + 0.45 * bush + 0.08 * sample(rough, distance / 11, x / 11))[..., None]
    colours = ground * lit * (sunlight + rgb(day.shade) * 0.25)
    haze = _haze(picture, horizon)
    picture = view.project(heights, distance, mix(colours, haze, 1 - np.exp(-distance / 900)), picture)
    return _trees(rng, picture, int(horizon), haze)


def _trees(rng: np.random.Generator, picture: Picture, foot: int, haze: Picture) -> Picture:
    """Round trees and hedges along row `foot`, far away."""
    rows, columns = picture.shape[:2]
    y, x = grid(rows, columns)
    cover = np.clip(y - (foot - rows * 0.012 * (1 + line(rng, columns, cell=columns / 30, fade=0.8))[None]), 0, 1)
    cover = cover * (y < foot + rows * 0.012)
    for _ in range(int(rng.integers(1, 5))):
        at, size = rng.uniform(0.05, 0.95) * columns, rows * rng.uniform(0.03, 0.085)
        leaves = clouds(rng, rows, columns, cell=(size / 2, size / 2), fade=0.8) * 0.35
        round_ = 1 - np.hypot((x - at) / (size * 0.8), (y - (foot - size)) / size)
        cover = np.maximum(cover, smoothstep(-0.05, 0.12, round_ + leaves * smoothstep(0.9, 0.0, round_)))
        cover = np.maximum(cover, (np.abs(x - at) < size * 0.05) * (y > foot - size) * (y < foot + 3))
    return mix(picture, haze * 0.22 + rgb("0d140b"), cover)


# ── Towns ────────────────────────────────────────────────────────────────────────────────────────────────
def skyline(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """A city at dusk across the water, its windows lit."""
    day = _pick(rng, [DAYS[2], EVENINGS[1], EVENINGS[3]])
    shore = int(rows * rng.uniform(0.66, 0.76))
    picture = sky(day, rows, columns, shore)
    picture = cloud_layer(rng, picture, day, shore, cover=rng.uniform(0.25, 0.5))
    haze = picture[shore - 3].mean(axis=0)
    for depth, (share, tall) in enumerate(((0.25, 0.30), (0.6, 0.42), (1.0, 0.34))):
        body = mix(mix(haze, rgb("3a4468"), 0.55), rgb("10141f"), share**1.2 * 0.95)
        left = -rng.uniform(0, 0.03) * columns
        while left < columns:
            wide = columns * rng.uniform(0.022, 0.06)
            centre = abs((left + wide / 2) / columns - 0.5)
            high = rows * tall * rng.lognormal(-0.75, 0.42) * (1.25 - 0.9 * centre)
            picture = _tower(rng, picture, int(left), int(wide), shore, int(min(high, shore * 0.85)), body, share)
            left += wide * rng.uniform(0.75, 1.25 + 0.5 * (depth == 2))
    lamps = rng.integers(0, columns, columns // 22)
    picture[shore - 3 : shore - 1, lamps] = rgb("ffd596")
    glow = blur(np.clip(picture - 0.62, 0, 1), rows / 90)
    return _mirrored(rng, picture + glow * 0.9, shore, calm=rng.uniform(0.1, 0.6))


def _tower(
    rng: np.random.Generator, picture: Picture, left: int, wide: int, foot: int, high: int, body: Picture, near: float
) -> Picture:
    """One house: body, roof, rows of windows of which some are lit."""
    columns = picture.shape[1]
    right, roof = min(left + wide, columns), foot - high
    start = max(left, 0)
    if right - start < 3:
        return picture
    shade = np.linspace(1.12, 0.86, high, dtype=np.float32)[:, None, None]
    picture[roof:foot, start:right] = body * shade
    picture[roof:foot, start : start + max(1, wide // 12)] *= 1.18
    if rng.uniform() < 0.3:
        mast = start + (right - start) // 2
        picture[max(roof - int(high * 0.2), 0) : roof, mast : mast + max(1, wide // 22)] = body
    across, down = max(4, round(5 * near + 3)), max(5, round(6 * near + 4))
    rows_of, in_row = (high - down) // down, (right - start - 2) // across
    if rows_of < 1 or in_row < 1:
        return picture
    lit = rng.uniform(0, 1, (rows_of, in_row)) < rng.uniform(0.12, 0.5)
    floors = rng.uniform(0, 1, rows_of) < 0.05
    lit |= floors[:, None]
    warmth = ramp(
        [(0, "ffb765"), (0.6, "ffe2ab"), (0.85, "fff3da"), (1, "bcd4ff")], rng.uniform(0, 1, (rows_of, in_row))
    )
    light = (
        warmth
        * (rng.uniform(0.5, 1.0, (rows_of, in_row, 1)) * lit[..., None]).astype(np.float32)
        * (0.55 + 0.45 * near)
    )
    pane = np.zeros((down, across, 1), np.float32)
    pane[1 : max(2, down - 3), 1 : across - 1] = 1
    windows = np.kron(light, np.ones((down, across, 1), np.float32)) * np.tile(pane, (rows_of, in_row, 1))
    dark = np.tile(pane, (rows_of, in_row, 1)) * 0.22
    top, edge = roof + down, start + 1 + (right - start - 2 - in_row * across) // 2
    area = picture[top : top + windows.shape[0], edge : edge + windows.shape[1]]
    area *= 1 - dark
    np.maximum(area, windows, out=area)
    return picture


def facade(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """A house front with its windows in hard sun."""
    y, x = grid(rows, columns)
    walls = ["e8b04b", "d9745a", "e9ddc7", "88a9b8", "e3a5a0", "7f9b86"]
    wall = rgb(walls[int(rng.integers(len(walls)))])
    plaster = clouds(rng, rows, columns, cell=(rows / 5, rows / 5), fade=0.78)
    picture = wall * (0.93 + 0.045 * plaster)[..., None] * (0.94 + 0.08 * (1 - y / rows))[..., None]
    size = min(rows, columns) / rng.uniform(2.6, 4.2)
    gap_y, gap_x = size * rng.uniform(1.15, 1.4), size * rng.uniform(0.95, 1.2)
    wide, high = size * rng.uniform(0.36, 0.44), size * rng.uniform(0.66, 0.8)
    slant = rng.uniform(0.25, 0.6)
    shutter = rgb(["2f5d50", "385a7c", "6e3b32", "f1ede4"][int(rng.integers(4))])
    lefts = np.arange(-gap_x * rng.uniform(0.2, 0.7), columns, gap_x)
    for top in np.arange(-gap_y * rng.uniform(0.2, 0.7), rows, gap_y):
        for left in lefts:
            picture = _window(rng, picture, top, left, high, wide, wall, shutter, slant)
    edge = columns * rng.uniform(0.2, 1.6)
    shadow = smoothstep(-2, 2, x + y * slant * 1.4 - edge - rows * 0.1 * (rng.uniform() < 0.5))
    if rng.uniform() < 0.6:
        picture = picture * (1 - 0.42 * shadow)[..., None] + (shadow * 0.03)[..., None] * rgb("5b7fb8")
    return picture


def _window(
    rng: np.random.Generator,
    picture: Picture,
    top: float,
    left: float,
    high: float,
    wide: float,
    wall: Picture,
    shutter: Picture,
    slant: float,
) -> Picture:
    rows, columns = picture.shape[:2]
    t, b = int(top - high * 0.1), int(top + high * 1.25)
    le, r = int(left - wide * 0.75), int(left + wide * 1.9)
    t, b, le, r = max(t, 0), min(b, rows), max(le, 0), min(r, columns)
    if b - t < 4 or r - le < 4:
        return picture
    y, x = np.arange(t, b, dtype=np.float32)[:, None], np.arange(le, r, dtype=np.float32)[None, :]
    part = picture[t:b, le:r]

    def box(y0: float, y1: float, x0: float, x1: float, soft: float = 0.7) -> Plane:
        """1 inside the rectangle given in heights and widths of the window."""
        inside_y = np.minimum(y - (top + y0 * high), top + y1 * high - y)
        inside_x = np.minimum(x - (left + x0 * wide), left + x1 * wide - x)
        return np.clip(np.minimum(inside_y, inside_x) / soft, 0, 1)

    ledge = slant * 0.16
    part = part * (1 - 0.45 * box(1.02, 1.10 + ledge, -0.06, 1.14, 3))[..., None]
    part = mix(part, np.minimum(wall * 1.25 + 0.06, 1), box(-0.05, 1.05, -0.08, 1.08))
    reflected = np.clip((y - top) / high, 0, 1) * 0.75 + 0.12 * np.sin((x - left) / wide * 3 + top)
    glass = ramp([(0, "8fb4cf"), (0.35, "41596b"), (1, "171d24")], reflected)
    part = mix(part, glass, box(0, 1, 0, 1))
    part = part * (1 - 0.7 * box(0, 0.07, 0, 1, 4) - 0.5 * box(0, 1, 0, 0.06, 3))[..., None]
    frame = np.maximum(box(0, 1, 0.475, 0.525), box(0.34, 0.37, 0, 1))
    part = mix(part, rgb("f4efe6"), frame)
    if rng.uniform() < 0.75:
        slats = 0.86 + 0.14 * np.sin((y - top) / high * 150)
        for x0 in (-0.56, 1.08):
            part = part * (1 - 0.4 * box(0.02, 1.04, x0 + 0.05, x0 + 0.53, 3))[..., None]
            part = mix(part, shutter * slats[..., None] * np.ones_like(part), box(-0.02, 1.02, x0, x0 + 0.48))
    elif rng.uniform() < 0.6:
        part = mix(part, rgb("f0e4d0") * (0.75 + 0.12 * np.sin(x / wide * 40))[..., None], box(0.03, 0.97, 0.04, 0.3))
    part = mix(part, np.minimum(wall * 1.15 + 0.1, 1), box(1.0, 1.06, -0.12, 1.12))
    result = picture.copy()
    result[t:b, le:r] = part
    return result


# ── Close up, and from above ─────────────────────────────────────────────────────────────────────────────
def rain(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Drops on a window in front of the lights of a street."""
    behind = _lights(rng, rows, columns)
    result = behind.copy()
    flipped = np.ascontiguousarray(behind[::-1, ::-1])
    small, large = int(rows * columns / 2200), int(rows * columns / 14000)
    sizes = np.concatenate([rng.uniform(1.2, 3.5, small), np.minimum(rng.lognormal(2.05, 0.5, large), 34)])
    for radius in np.sort(sizes * min(rows, columns) / 800):
        cy, cx = rng.uniform(0, rows), rng.uniform(0, columns)
        tall = radius * rng.uniform(1.0, 1.25)
        t, b, le, r = (
            max(int(cy - tall), 0),
            min(int(cy + tall) + 2, rows),
            max(int(cx - radius), 0),
            min(int(cx + radius) + 2, columns),
        )
        if b <= t or r <= le:
            continue
        v = (np.arange(t, b, dtype=np.float32)[:, None] - cy) / tall
        h = (np.arange(le, r, dtype=np.float32)[None, :] - cx) / radius
        around = v * v + h * h
        inside = np.clip((1 - around) * radius * 0.5, 0, 1)
        bend = np.clip(around, 0, 1) * 0.45 + 0.25
        sy = np.clip(rows - cy + v * bend * rows * 0.5, 0, rows - 1).astype(np.int32)
        sx = np.clip(columns - cx + h * bend * columns * 0.35, 0, columns - 1).astype(np.int32)
        lens = flipped[sy, sx] * (1.12 - 0.75 * around**2 * smoothstep(-0.2, 1, -v + 0.3 * h))[..., None] + 0.02
        spark = np.exp(-(((v + 0.45) / 0.16) ** 2) - ((h + 0.35) / 0.16) ** 2)
        lens = lens + (spark * 0.75)[..., None]
        result[t:b, le:r] = mix(result[t:b, le:r], lens, inside)
    return result


def _lights(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """A street at night, far out of focus."""
    y, x = grid(rows, columns)
    tones = [("0a1020", "2a2440"), ("0d1418", "1d3a3d"), ("120c14", "4a2a2a")][int(rng.integers(3))]
    murk = clouds(rng, rows, columns, cell=(rows / 2, columns / 2), fade=0.3)
    picture = mix(rgb(tones[0]), rgb(tones[1]), np.clip(0.45 + 0.5 * murk - 0.35 * (y / rows), 0, 1))
    palette = ["ff9e3d", "ffc46b", "ff5a3c", "fff0d0", "6fd1ff", "ff3f6a", "79e0a0"]
    for _ in range(int(rng.integers(34, 60))):
        radius = min(rows, columns) * rng.uniform(0.018, 0.075)
        cy, cx = rows * float(np.clip(rng.normal(0.45, 0.2), 0, 1)), rng.uniform(0, columns)
        t, b = max(int(cy - radius) - 2, 0), min(int(cy + radius) + 3, rows)
        le, r = max(int(cx - radius) - 2, 0), min(int(cx + radius) + 3, columns)
        if b <= t or r <= le:
            continue
        away = np.hypot(y[t:b] - cy, x[:, le:r] - cx) / radius
        disc = np.clip((1 - away) * radius * 0.35, 0, 1) * (0.72 + 0.28 * away**3)
        light = rgb(palette[min(int(rng.exponential(1.7)), len(palette) - 1)])
        picture[t:b, le:r] += disc[..., None] * light * rng.uniform(0.16, 0.7)
    return picture


def shore(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Surf on a beach, straight from above."""
    y, x = grid(rows, columns)
    angle = rng.uniform(0, 6.28)
    across = ((x - columns / 2) * math.cos(angle) + (y - rows / 2) * math.sin(angle)) / min(rows, columns)
    size = min(rows, columns)
    broad = clouds(rng, rows, columns, cell=(size / 1.5, size / 1.5), fade=0.5)
    fine = clouds(rng, rows, columns, cell=(size / 14, size / 14), fade=0.72)
    grains = clouds(rng, rows, columns, cell=(size / 60, size / 60), fade=0.85)
    depth = across + 0.16 * broad + 0.012 * fine + rng.uniform(-0.1, 0.15)
    waters = [
        [(0, "8fd3c7"), (0.12, "4fb9b5"), (0.35, "1f8fa3"), (0.7, "0f5f86"), (1, "0b3f68")],
        [(0, "b4cfc0"), (0.15, "6fa7a0"), (0.4, "3c7d86"), (0.75, "23566a"), (1, "193e52")],
    ]
    reef = smoothstep(0.35, 1.1, clouds(rng, rows, columns, cell=(size / 5, size / 5), fade=0.65)) * smoothstep(
        0.1, 0.3, depth
    )
    water = ramp(waters[int(rng.integers(2))], np.clip(depth * 1.5 + 0.03 * fine, 0, 1))
    water = mix(water, rgb("123a44"), 0.55 * reef) * (1 + 0.05 * fine)[..., None]
    sand = mix(rgb("d9bd92"), rgb("efdcb9"), np.clip(-depth * 3, 0, 1)) * (1 + 0.035 * grains + 0.03 * fine)[..., None]
    wet = smoothstep(-0.075, -0.01, depth + 0.02 * broad)
    sand = sand * (1 - 0.3 * wet)[..., None]
    picture = mix(sand, water, smoothstep(-0.006, 0.022, depth))
    lace = np.abs(fine * 0.7 + grains * 0.45)
    for number in range(4):
        crest = 0.008 + number * rng.uniform(0.055, 0.1) + 0.015 * _wander(rng, rows, columns, size)
        behind = (depth - crest) / (0.035 + 0.02 * number)
        foam = np.exp(-np.clip(behind, 0, None) * 1.6) * smoothstep(-0.12, 0.02, behind)
        foam = smoothstep(0.35, 0.75, foam * (1.15 - 0.14 * number) - lace * (0.35 + 0.9 * np.clip(behind, 0, 1)))
        picture = mix(picture, rgb("fbfdfb"), foam * (0.95 - 0.15 * number))
    return picture


def _wander(rng: np.random.Generator, rows: int, columns: int, size: float) -> Plane:
    """Slow wander of a wave's crest over the plane."""
    return clouds(rng, rows, columns, cell=(size / 2.5, size / 2.5), fade=0.5)


def oranges(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """Fruit on a table by a window."""
    y, x = grid(rows, columns)
    size = min(rows, columns)
    cloths = ["31424d", "d8d3c8", "5b4636", "6f7f72", "24262b"]
    cloth = rgb(cloths[int(rng.integers(len(cloths)))])
    weave = 0.03 * np.sin(x * 1.1) * np.sin(y * 1.1) + 0.05 * clouds(
        rng, rows, columns, cell=(size / 3, size / 3), fade=0.7
    )
    falls = 1.15 - 0.55 * np.hypot((x / columns - 0.2), (y / rows - 0.1))
    picture = cloth * ((1 + weave) * falls)[..., None]
    light = np.array([-0.55, -0.6, 0.58], np.float32)
    light /= np.linalg.norm(light)
    kinds = [("f08a1d", "c9570c"), ("f3c433", "cf9413"), ("b9c93f", "7f9a22"), ("c93a2e", "8a1a1c")]
    main = int(rng.integers(len(kinds)))
    placed: list[tuple[float, float, float]] = []
    for _ in range(120):
        radius = size * rng.uniform(0.11, 0.17)
        cy, cx = rng.uniform(0.15, 0.9) * rows, rng.uniform(0.08, 0.92) * columns
        if all(np.hypot(cy - oy, cx - ox) > (radius + orr) * 1.01 for oy, ox, orr in placed):
            placed.append((cy, cx, radius))
        if len(placed) == 9:
            break
    for cy, cx, radius in placed:
        dy, dx = (y - cy - radius * 0.42) / (radius * 1.25), (x - cx - radius * 0.4) / (radius * 1.25)
        away = np.sqrt(dy**2 + dx**2)
        picture = picture * (1 - 0.62 * smoothstep(1.05, 0.35, away))[..., None]
    pores = spectrum(rng, 512, 0.35)
    for cy, cx, radius in placed:
        bright, dark = kinds[main if rng.uniform() < 0.8 else int(rng.integers(len(kinds)))]
        t, b = max(int(cy - radius) - 2, 0), min(int(cy + radius) + 3, rows)
        le, r = max(int(cx - radius) - 2, 0), min(int(cx + radius) + 3, columns)
        ny, nx = (y[t:b] - cy) / radius, (x[:, le:r] - cx) / radius
        around = ny**2 + nx**2
        nz = np.sqrt(np.clip(1 - around, 0, 1))
        turn = rng.uniform(0, 500)
        pit = sample(pores, np.arcsin(np.clip(ny, -1, 1)) * 48 + turn, np.arctan2(nx, nz + 0.05) * 48 + turn)
        bump = 0.035 * pit
        facing = nx * light[0] + ny * light[1] + nz * light[2] + bump
        shade = smoothstep(-0.35, 1.0, facing)
        skin = mix(rgb(dark), rgb(bright), shade) * (0.2 + 0.95 * shade)[..., None]
        bounce = np.clip(ny * 0.5 + 0.2, 0, 1) * (1 - nz) * 0.5
        skin = skin + bounce[..., None] * cloth * 0.6
        gloss = np.clip(2 * (facing - 0.75 * bump) * nz - light[2], 0, 1) ** 24
        skin = skin + (gloss * 0.5)[..., None]
        picture[t:b, le:r] = mix(picture[t:b, le:r], skin, np.clip((1 - np.sqrt(around)) * radius * 0.8, 0, 1))
    return picture


def coffee(rng: np.random.Generator, rows: int, columns: int) -> Picture:
    """A cup of coffee on a wooden table, from above."""
    y, x = grid(rows, columns)
    size = min(rows, columns)
    woods = [("6b4325", "9c6a3d"), ("a5784a", "d3a874"), ("3a2a20", "5e4533"), ("b9a78d", "ddd0b8")]
    dark, bright = (rgb(tone) for tone in woods[int(rng.integers(len(woods)))])
    boards = clouds(rng, rows, columns, cell=(rows / 3, columns * 1.2), fade=0.28)
    fibre = clouds(rng, rows, columns, cell=(size / 260, size / 4), fade=0.7)
    rings = np.sin((boards * 5 + y / size * 6) * 6.28) * 0.5 + 0.5
    picture = mix(dark, bright, np.clip(0.25 + 0.4 * rings + 0.22 * fibre, 0, 1))
    plank = size * rng.uniform(0.28, 0.4)
    seam = np.abs((y + plank * 0.3) % plank - plank / 2) - plank / 2
    picture = picture * (1 - 0.6 * np.exp(-((seam / (size * 0.003)) ** 2)))[..., None]
    picture = picture * (1.18 - 0.6 * np.hypot(x / columns - 0.1, y / rows - 0.1))[..., None]
    cy, cx, radius = rows * rng.uniform(0.42, 0.58), columns * rng.uniform(0.38, 0.62), size * rng.uniform(0.2, 0.25)

    def away(down: float = 0.0, right: float = 0.0) -> Plane:
        """Distance from the cup's centre, in radii of the cup."""
        return np.hypot(y - cy - down * radius, x - cx - right * radius) / radius

    china = rgb(["f4f1ea", "f7f7f5", "d9e2e0", "2f3a40"][int(rng.integers(4))])
    picture = picture * (1 - 0.6 * smoothstep(2.05, 1.45, away(0.22, 0.2)))[..., None]
    plate = away()
    slope = ((x - cx) * -0.6 + (y - cy) * -0.6) / radius
    saucer = china * (0.86 + 0.07 * slope + 0.07 * np.cos(np.clip(plate - 1, 0, 0.8) * 9))[..., None]
    saucer = saucer * (1 - 0.5 * smoothstep(1.5, 1.0, away(0.14, 0.13)))[..., None]
    picture = mix(picture, saucer, smoothstep(1.715, 1.70, plate))
    turn = rng.uniform(-0.6, 0.9)
    hx, hy = (
        (x - cx) * math.cos(turn) + (y - cy) * math.sin(turn),
        (y - cy) * math.cos(turn) - (x - cx) * math.sin(turn),
    )
    handle = np.hypot(hy / radius / 0.16, np.clip(hx / radius - 1.22, 0, None) / 0.16) - 1
    handle = np.maximum(handle, 0.9 - hx / radius) * 0.16
    picture = mix(
        picture,
        china * (0.98 - 0.25 * smoothstep(-0.06, 0.05, hy / radius))[..., None],
        smoothstep(0.012, -0.006, handle),
    )
    inner = 0.9
    rim = china * (0.97 + 0.1 * slope)[..., None]
    picture = mix(picture, rim, smoothstep(1.008, 0.996, plate))
    wall = china * (0.72 - 0.22 * slope)[..., None]
    picture = mix(picture, wall, smoothstep(inner + 0.006, inner - 0.006, plate))
    swirl = clouds(rng, rows, columns, cell=(radius / 2, radius / 2), fade=0.6)
    bend = np.arctan2(y - cy - radius * 0.2, x - cx + radius * 0.1) + plate * rng.uniform(1, 4) + 0.5 * swirl
    milk = smoothstep(-0.5, 0.7, np.sin(bend * int(rng.integers(1, 4)) + plate * 8) + 0.5 * swirl - plate * 1.1 + 0.35)
    crema = mix(rgb("7a4218"), rgb("b9762f"), np.clip(0.5 + 0.4 * swirl - 0.5 * smoothstep(0.6, 0.85, plate), 0, 1))
    brew = mix(crema, rgb("f0dcb9"), milk * 0.92)
    brew = brew * (0.78 + 0.22 * smoothstep(0.82, 0.6, away(0.12, 0.1)))[..., None]
    shine = np.exp(
        -(((y - cy + radius * 0.42) / (radius * 0.12)) ** 2) - (((x - cx + radius * 0.3) / (radius * 0.3)) ** 2)
    )
    brew = brew + (shine * 0.12)[..., None]
    return mix(picture, brew, smoothstep(0.815, 0.795, plate))
