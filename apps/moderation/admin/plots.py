"""Bar charts as SVG without JavaScript, with a title, a description and a table for screen readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log10

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 12, 24
MAX_BAR_WIDTH = 48


@dataclass(frozen=True)
class Bar:
    x: str
    y: str
    width: str
    height: str
    label: str
    series: int


@dataclass(frozen=True)
class Tick:
    at: str
    text: str


@dataclass(frozen=True)
class Plot:
    key: str
    title: str
    description: str
    columns: Sequence[str]
    # The rows of the table: a name and a text for each column.
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar]
    across: Sequence[Tick]
    upwards: Sequence[Tick]
    series: Sequence[str] = ()
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM
    right: int = WIDTH - RIGHT

    @property
    def empty(self) -> bool:
        return not self.bars


def columns(
    key: str,
    title: str,
    description: str,
    points: Sequence[tuple[str, Sequence[float | None]]],
    *,
    series: Sequence[str],
    texts: Sequence[Sequence[str]] | None = None,
    unit: float = 1,
    every_name: bool = False,
) -> Plot:
    """A bar chart, stacked if a point has several numbers.

    `texts` are the formatted numbers, and `unit` is the unit of the axis. `every_name` labels every bar instead of
    about six.
    """
    texts = texts or [[_whole(number) for number in numbers] for _, numbers in points]
    top = _round_up(max((sum(n or 0 for n in numbers) for _, numbers in points), default=0) / unit)
    scale = (HEIGHT - TOP - BOTTOM) / (top * unit)
    step = (WIDTH - LEFT - RIGHT) / max(len(points), 1)
    wide = min(step * 0.8, MAX_BAR_WIDTH)
    bars = []
    for index, (name, numbers) in enumerate(points):
        base = float(HEIGHT - BOTTOM)
        for which, number in enumerate(numbers):
            if number:
                tall = max(number * scale, 1)
                base -= tall
                label = f"{name}: {texts[index][which]}" + (f" {series[which]}" if len(series) > 1 else "")
                x = LEFT + (index + 0.5) * step - wide / 2
                bars.append(Bar(_at(x), _at(base), _at(wide), _at(tall), label, which))
    every = 1 if every_name else max(1, ceil(len(points) / 6))
    across = [
        Tick(_at(LEFT + (index + 0.5) * step), name) for index, (name, _) in enumerate(points) if index % every == 0
    ]
    upwards = [Tick(_at(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)), _short(part * top)) for part in (0, 0.5, 1)]
    rows = [[name, *values] for (name, _), values in zip(points, texts, strict=True)]
    return Plot(key, title, description, series, rows, bars, across, upwards, series if len(series) > 1 else ())


def _round_up(number: float) -> float:
    """The next of 2, 4, 6, 8, 10, 20, 40, …, so that the axis has round numbers."""
    if number <= 2:
        return 2
    power: float = 10 ** int(log10(number))
    return next(step * power for step in (1, 2, 4, 6, 8, 10, 20) if step * power >= number)


def _at(number: float) -> str:
    return f"{number:.1f}"


def _short(number: float) -> str:
    return f"{number / 1000:g}k" if number >= 1000 else f"{number:g}"


def _whole(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"
