"""Plots as SVG: stacked bars, and lines over decades."""

import math
from html import escape

COLOURS = ["#3b6ea5", "#d98c3f", "#6a9a58", "#a2546e", "#7d6fa8", "#8a8a8a"]
_TEXT = 'font-family="system-ui, sans-serif" font-size="12" fill="#333"'


def bars(title: str, unit: str, values: dict[str, dict[str, float]]) -> str:
    """`values`: {bar: {part: length}}, every bar with the same parts."""
    left, wide, high = 190, 560, 20
    longest = max((sum(parts.values()) for parts in values.values()), default=0) or 1
    body = []
    for place, (name, parts) in enumerate(values.items()):
        y, x = 60 + place * high, float(left)
        body.append(_text(left - 8, y + 12, name, anchor="end"))
        for part, colour in zip(parts, COLOURS, strict=False):
            length = parts[part] / longest * wide
            body.append(f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{high - 6}" fill="{colour}"/>')
            x += length
        body.append(_text(x + 6, y + 12, f"{sum(parts.values()):.2f}"))
    names = list(next(iter(values.values()), {}))
    return _svg(left + wide + 70, 70 + len(values) * high, f"{title} ({unit})", names, body)


def lines(title: str, unit: str, series: dict[str, list[tuple[float, float]]]) -> str:
    """`series`: {name: [(x, y)]}; x in decades, y from zero."""
    left, top, wide, high = 60, 60, 520, 260
    points = [point for each in series.values() for point in each]
    xs = sorted({x for x, _ in points})
    most = max((y for _, y in points), default=0) or 1
    low, span = math.log10(xs[0]), (math.log10(xs[-1]) - math.log10(xs[0])) or 1

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (math.log10(x) - low) / span * wide, top + high - y / most * high

    body = [f'<path d="M{left} {top}V{top + high}H{left + wide}" fill="none" stroke="#999"/>']
    body += [_text(at(x, 0)[0], top + high + 18, f"{x:,.0f}", anchor="middle") for x in xs]
    body += [_text(left - 6, at(xs[0], y)[1] + 4, f"{y:.3g}", anchor="end") for y in (0, most / 2, most)]
    for (_, each), colour in zip(series.items(), COLOURS, strict=False):
        places = [at(x, y) for x, y in each]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
    return _svg(left + wide + 60, top + high + 40, f"{title} ({unit})", list(series), body)


def _svg(width: float, height: float, title: str, names: list[str], body: list[str]) -> str:
    legend = []
    for place, (name, colour) in enumerate(zip(names, COLOURS, strict=False)):
        x = 12 + place * 120
        legend.append(f'<rect x="{x}" y="34" width="12" height="12" fill="{colour}"/>{_text(x + 17, 44, name)}')
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}">'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return "\n".join([opening, ground, _text(12, 22, title), *legend, *body, "</svg>", ""])


def _text(x: float, y: float, text: str, *, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {_TEXT} text-anchor="{anchor}">{escape(text)}</text>'
