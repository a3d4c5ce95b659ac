"""The parts of the pictures: fractal noise, perspective, skies.

Pictures are float32 arrays (rows, columns, 3) of display values 0..1; planes are (rows, columns), float32
too. Lengths in scenes are metres, on screen pixels.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Plane = NDArray[Any]
Picture = NDArray[Any]


def rgb(hex_colour: str) -> Picture:
    """`rgb("ff8040")` as three values 0..1."""
    return np.array([int(hex_colour[i : i + 2], 16) for i in (0, 2, 4)], np.float32) / 255


def smoothstep(edge0: float, edge1: float, value: Any) -> Plane:
    """0 at `edge0`, 1 at `edge1`, and an S between."""
    t = np.clip((value - edge0) / (edge1 - edge0), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def mix(a: Any, b: Any, amount: Any) -> Picture:
    """`a` where `amount` is 0, `b` where it is 1; a plane of amounts mixes pictures."""
    if getattr(amount, "ndim", 0) == 2:
        amount = amount[..., None]
    mixed: Picture = a + (b - a) * amount
    return mixed


def resize(plane: Picture, rows: int, columns: int) -> Picture:
    """A plane or picture of another size, bicubic."""
    if plane.ndim == 3:
        return np.stack([resize(plane[..., c], rows, columns) for c in range(plane.shape[2])], axis=-1)
    scaled = Image.fromarray(plane).resize((columns, rows), Image.Resampling.BICUBIC)
    return np.asarray(scaled, np.float32)


def blur(plane: Picture, radius: float) -> Picture:
    """Softened by about `radius` pixels: down and up again, which is fast and smooth enough."""
    rows, columns = plane.shape[:2]
    factor = max(radius, 1.0)
    small = (max(2, round(rows / factor)), max(2, round(columns / factor)))
    if plane.ndim == 3:
        return np.stack([blur(plane[..., c], radius) for c in range(plane.shape[2])], axis=-1)
    shrunk = Image.fromarray(plane).resize((small[1], small[0]), Image.Resampling.BOX)
    return np.asarray(shrunk.resize((columns, rows), Image.Resampling.BICUBIC), np.float32)


def spectrum(rng: np.random.Generator, size: int, slope: float) -> Plane:
    """A periodic square of noise whose amplitude falls with frequency to the power `slope`; mean 0, deviation 1."""
    across = np.fft.fftfreq(size).astype(np.float32)[:, None]
    along = np.fft.rfftfreq(size).astype(np.float32)[None, :]
    frequency = np.sqrt(across**2 + along**2)
    frequency[0, 0] = 1
    white = rng.standard_normal((size, size // 2 + 1, 2), dtype=np.float32)
    waves = (white[..., 0] + 1j * white[..., 1]) * frequency**-slope
    waves[0, 0] = 0
    field = np.fft.irfft2(waves, s=(size, size)).astype(np.float32)
    return np.asarray(field / field.std())


def clouds(rng: np.random.Generator, rows: int, columns: int, *, cell: tuple[float, float], fade: float = 0.5) -> Plane:
    """Fractal noise over a plane, about -1..1: blobs of `cell` (high, wide) pixels and ever finer ones on them,
    each octave `fade` as strong as the one before."""
    high, wide = max(2, round(rows / cell[0])) + 1, max(2, round(columns / cell[1])) + 1
    plane, strength, total = np.zeros((high, wide), np.float32), 1.0, 0.0
    while True:
        plane = plane + rng.uniform(-1, 1, plane.shape).astype(np.float32) * strength
        total += strength**2
        strength *= fade
        if plane.shape[0] >= rows / 2 or plane.shape[1] >= columns / 2 or strength < 0.02:
            return resize(plane, rows, columns) / (math.sqrt(total) * 0.9)
        plane = resize(plane, plane.shape[0] * 2, plane.shape[1] * 2)


def line(rng: np.random.Generator, columns: int, *, cell: float, fade: float = 0.5, octaves: int = 8) -> Plane:
    """Fractal noise along a line, about -1..1."""
    at, total, value, strength = np.arange(columns, dtype=np.float32), 0.0, np.zeros(columns, np.float32), 1.0
    for _ in range(octaves):
        points = rng.uniform(-1, 1, int(columns / cell) + 3).astype(np.float32)
        whole = np.floor(at / cell).astype(int)
        t = smoothstep(0, 1, at / cell - whole)
        value += strength * (points[whole] * (1 - t) + points[whole + 1] * t)
        total += strength**2
        strength *= fade
        cell = max(cell / 2, 1.5)
    return value / (math.sqrt(total) * 0.9)


def sample(tile: Plane, u: Any, v: Any) -> Plane:
    """The periodic `tile` at rows `u` and columns `v`, bilinear. Its size is a power of two."""
    mask = tile.shape[0] - 1
    u0, v0 = np.floor(u), np.floor(v)
    fu, fv = (u - u0).astype(np.float32), (v - v0).astype(np.float32)
    i, j = u0.astype(np.int32) & mask, v0.astype(np.int32) & mask
    i1, j1 = (i + 1) & mask, (j + 1) & mask
    size, flat = tile.shape[1], tile.ravel()
    top = flat.take(i * size + j) * (1 - fv) + flat.take(i * size + j1) * fv
    bottom = flat.take(i1 * size + j) * (1 - fv) + flat.take(i1 * size + j1) * fv
    return np.asarray(top * (1 - fu) + bottom * fu)


def grid(rows: int, columns: int) -> tuple[Plane, Plane]:
    """(row, column) of every pixel, ready to broadcast."""
    return np.arange(rows, dtype=np.float32)[:, None], np.arange(columns, dtype=np.float32)[None, :]


def ramp(stops: list[tuple[float, str]], value: Any) -> Picture:
    """The colour at `value` between (position, hex colour) stops."""
    places = [place for place, _ in stops]
    colours = np.stack([rgb(colour) for _, colour in stops])
    table = np.stack([np.interp(np.linspace(0, 1, 1024), places, colours[:, c]) for c in range(3)], axis=-1)
    return np.asarray(table.astype(np.float32)[(np.clip(value, 0, 1) * 1023).astype(np.int32)])


@dataclass(frozen=True)
class Daylight:
    """A sky and the light that falls from it.

    `zenith_to_horizon` are the colours from the top of the sky down; `sun` is its place on screen (0..1 across, 0..1
    down to the horizon); `glow` tints what is near it.
    """

    zenith_to_horizon: list[tuple[float, str]]
    sun: tuple[float, float]
    glow: str
    light: str
    shade: str
    strength: float = 1.0


def sky(day: Daylight, rows: int, columns: int, horizon: float, *, disc: bool = False) -> Picture:
    """The clear sky above row `horizon`, continued below it as the haze there."""
    y, x = grid(rows, columns)
    height = np.clip(y / horizon, 0, 1)
    picture = np.broadcast_to(ramp(day.zenith_to_horizon, height), (rows, columns, 3)).copy()
    across, down = (x - day.sun[0] * columns) / columns, (np.minimum(y, horizon) - day.sun[1] * horizon) / columns
    distance = np.sqrt(across**2 + (down * 1.25) ** 2)
    halo = (0.75 * np.exp(-distance * 9) + 0.35 * np.exp(-distance * 3)) * day.strength
    picture += halo[..., None] * rgb(day.glow) * 0.85
    if disc:
        picture += smoothstep(0.027, 0.022, distance)[..., None] * 1.5
    return picture


def cloud_layer(
    rng: np.random.Generator,
    picture: Picture,
    day: Daylight,
    horizon: float,
    *,
    cover: float,
    scale: float = 1.0,
    wisps: float = 1.0,
) -> Picture:
    """`picture` with a layer of clouds in perspective above `horizon`; `cover` 0 (clear) to 1 (overcast)."""
    columns = picture.shape[1]
    top = int(horizon) - 2
    y, x = grid(top, columns)
    far = 1 / (1.03 - y / horizon)
    u = far * 150 / scale
    v = (x / columns - day.sun[0]) * far * 110 / scale + 40
    tile = spectrum(rng, 512, 1.75)
    broad, fine = sample(tile, u, v), sample(tile, u * 4.1 + 90, v * 4.1 * wisps)
    density = broad + 0.28 * fine
    towards_sun = sample(tile, u - 5, v - np.clip(v - 40, -4, 4)) + 0.28 * fine
    edge = 1.1 - 2.2 * cover
    body = smoothstep(edge, edge + 1.1, density)
    body *= smoothstep(1.0, 0.82, y / horizon) * 0.75 + 0.25
    lit = np.clip(0.62 + (density - towards_sun) * 0.55 - 0.18 * (density - edge), 0, 1)
    near_sun = np.exp(-np.abs(x / columns - day.sun[0]) * 2.2) * np.exp(-np.abs(y / horizon - day.sun[1]) * 1.6)
    colour = mix(rgb(day.shade), rgb(day.light), lit)
    colour = colour + (near_sun * (1 - 0.7 * body) * 0.5 * day.strength)[..., None] * rgb(day.glow)
    result = picture.copy()
    result[:top] = mix(picture[:top], colour, body * 0.92)
    return result


@dataclass(frozen=True)
class View:
    """A camera over a landscape: rows and columns on screen, its height above zero, the row of the horizon."""

    rows: int
    columns: int
    eye: float
    horizon: float
    focal: float

    def distances(self, near: float, far: float, steps: int) -> Plane:
        return np.geomspace(near, far, steps).astype(np.float32)[:, None]

    def across(self, distance: Plane) -> Plane:
        """World x of every column at every distance."""
        return (np.arange(self.columns, dtype=np.float32)[None, :] - self.columns / 2) * distance / self.focal

    def project(self, heights: Plane, distance: Plane, colours: Picture, background: Picture) -> Picture:
        """Draw a landscape of (distance, column) heights and colours in front of a background; what is near hides
        what is behind it."""
        steps = len(distance)
        row = self.horizon + (self.eye - heights) * self.focal / distance
        skyline = np.minimum.accumulate(row, axis=0)
        first = np.clip(np.ceil(skyline), 0, self.rows).astype(np.int32)
        column = np.arange(self.columns, dtype=np.int32)
        hits = np.bincount((first * self.columns + column).ravel(), minlength=(self.rows + 1) * self.columns)
        reached = np.cumsum(hits.reshape(self.rows + 1, self.columns)[: self.rows], axis=0)
        slice_seen = steps - reached
        cover = np.clip(np.arange(self.rows, dtype=np.float32)[:, None] + 1 - skyline[-1], 0, 1)
        seen = np.minimum(slice_seen, steps - 1)
        flat = seen * self.columns + column
        drawn = colours.reshape(-1, 3)[flat]
        before = np.maximum(flat - self.columns, column)
        below, above = skyline.ravel()[before], skyline.ravel()[flat]
        y = np.arange(self.rows, dtype=np.float32)[:, None]
        blend = np.clip((below - y) / np.maximum(below - above, 1e-3), 0, 1)
        smooth = (below - above) < 60
        drawn = mix(colours.reshape(-1, 3)[before], drawn, np.where(smooth, blend, 1).astype(np.float32))
        return mix(background, drawn, cover.astype(np.float32))
