"""Parses and evaluates the part of PromQL that our alerts and panels use, as Prometheus does."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<range>\[(?:\d+[smhdw]|\$__rate_interval)\])
      | (?P<number>\d+(?:\.\d+)?)
      | (?P<name>[a-zA-Z_][a-zA-Z0-9_]*)
      | (?P<operator>==|!=|>=|<=|=~|!~|[-+*/<>=(){},])
    )""",
    re.VERBOSE,
)
AGGREGATIONS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "min": min,
    "max": max,
    "avg": lambda values: sum(values) / len(values),
    "count": lambda values: float(len(values)),
}
RANGED = {"rate", "increase"}
FUNCTIONS = RANGED | {"absent", "histogram_quantile", "time", "vector"}
# From the weakest to the strongest.
PRECEDENCE = [{"or"}, {"and", "unless"}, {"==", "!=", ">=", "<=", ">", "<"}, {"+", "-"}, {"*", "/"}]
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}
ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else (math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)),
}
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
Labels = frozenset[tuple[str, str]]
# An instant vector: {labels without the name: value}; a scalar is a float.
Vector = dict[Labels, float]


class InvalidPromQL(Exception):
    """The expression cannot be parsed."""


@dataclass(frozen=True)
class Scrape:
    """The samples {(name, labels): value} of all targets at a time in seconds."""

    time: float
    samples: dict[tuple[str, Labels], float]


# ── Expressions ──────────────────────────────────────────────────────────────────────────────────────────
@dataclass
class Number:
    value: float


@dataclass
class Selector:
    """`name{label="…"}`. `matched` and `grouped` are the labels that it and the aggregations around it name."""

    name: str
    matchers: list[tuple[str, str, str]] = field(default_factory=list)
    grouped: set[str] = field(default_factory=set)
    seconds: float | None = None

    @property
    def matched(self) -> set[str]:
        return {label for label, _, _ in self.matchers}


@dataclass
class Aggregation:
    function: str
    labels: tuple[str, ...]
    arguments: list[Any]


@dataclass
class Call:
    function: str
    arguments: list[Any]


@dataclass
class Binary:
    operator: str
    left: Any
    right: Any


def parse(expression: str) -> Any:
    """Raises InvalidPromQL."""
    reader = _Reader(expression)
    tree = reader.expression()
    if reader.peek()[1]:
        raise InvalidPromQL(f"{expression}: {reader.peek()[1]} is too much")
    return tree


def selectors(expression: str) -> list[Selector]:
    """Raises InvalidPromQL."""
    return list(_selectors_of(parse(expression), set()))


def _selectors_of(node: Any, grouped: set[str]) -> Iterator[Selector]:
    if isinstance(node, Selector):
        node.grouped |= grouped
        yield node
    elif isinstance(node, Binary):
        yield from _selectors_of(node.left, grouped)
        yield from _selectors_of(node.right, grouped)
    elif isinstance(node, Aggregation | Call):
        inside = grouped | set(node.labels) if isinstance(node, Aggregation) else grouped
        for argument in node.arguments:
            yield from _selectors_of(argument, inside)


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position = 0
        text = text.strip()
        while position < len(text):
            token = _TOKEN.match(text, position)
            if token is None:
                raise InvalidPromQL(f"{text}: unreadable from {text[position:]!r} on")
            position = token.end()
            self._tokens.append((str(token.lastgroup), token[str(token.lastgroup)]))
        self._next = 0

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def take(self, wanted: str = "") -> tuple[str, str]:
        token = self.peek()
        if wanted and token[1] != wanted:
            raise InvalidPromQL(f"{token[1]!r} where {wanted!r} should be")
        self._next += 1
        return token

    def expression(self, level: int = 0) -> Any:
        if level == len(PRECEDENCE):
            return self._operand()
        left = self.expression(level + 1)
        while self.peek()[1] in PRECEDENCE[level]:
            operator = self.take()[1]
            left = Binary(operator, left, self.expression(level + 1))
        return left

    def _operand(self) -> Any:
        kind, text = self.take()
        if kind == "number":
            return Number(float(text))
        if text == "(":
            inside = self.expression()
            self.take(")")
            return inside
        if kind == "name" and text in {*AGGREGATIONS, "topk"}:
            return self._aggregation(text)
        if kind == "name" and text in FUNCTIONS and self.peek()[1] == "(":
            return self._call(text)
        if kind == "name":
            return self._selector(text)
        raise InvalidPromQL(f"{text!r} begins nothing")

    def _aggregation(self, function: str) -> Aggregation:
        labels: list[str] = []
        if self.peek()[1] == "by":
            self.take()
            labels = self._list(lambda: self.take()[1])
        return Aggregation(function, tuple(labels), self._list(self.expression))

    def _call(self, function: str) -> Call:
        call = Call(function, self._list(self.expression))
        for argument in call.arguments:
            if function in RANGED and isinstance(argument, Selector) and argument.seconds is None:
                raise InvalidPromQL(f"{function}({argument.name}) has no range")
        return call

    def _list(self, item: Callable[[], Any]) -> list[Any]:
        self.take("(")
        items = []
        while self.peek()[1] != ")":
            items.append(item())
            if self.peek()[1] == ",":
                self.take()
        self.take(")")
        return items

    def _selector(self, name: str) -> Selector:
        selector = Selector(name)
        if self.peek()[1] == "{":
            self.take()
            while self.peek()[1] != "}":
                label, operator, (kind, text) = self.take()[1], self.take()[1], self.take()
                if operator not in {"=", "!=", "=~", "!~"} or kind != "string":
                    raise InvalidPromQL(f"{name}: a label is matched with nothing")
                selector.matchers.append((label, operator, text[1:-1]))
                if self.peek()[1] == ",":
                    self.take()
            self.take("}")
        if self.peek()[0] == "range":
            text = self.take()[1][1:-1]
            selector.seconds = math.nan if text.startswith("$") else seconds_of(text)
        return selector


def seconds_of(duration: str) -> float:
    """ "5m" is 300."""
    return float(duration[:-1]) * SECONDS[duration[-1]]


# ── Evaluation ───────────────────────────────────────────────────────────────────────────────────────────
def evaluate(expression: str, scrapes: list[Scrape]) -> Vector:
    """The instant vector at the time of the last scrape. A scalar is a vector with one sample without labels."""
    value = _Evaluator(scrapes).value(parse(expression))
    return {frozenset(): value} if isinstance(value, float) else value


class _Evaluator:
    def __init__(self, scrapes: list[Scrape]) -> None:
        self._scrapes = scrapes
        self._now = float(scrapes[-1].time)

    def value(self, node: Any) -> Any:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Selector):
            # A series that is not in the last scrape of its target is stale.
            return {labels: self._scrapes[-1].samples[node.name, labels] for labels in self._matching(node)}
        if isinstance(node, Aggregation):
            return self._aggregate(node)
        if isinstance(node, Call):
            return self._call(node)
        return self._binary(node.operator, self.value(node.left), self.value(node.right))

    def _matching(self, selector: Selector, scrape: Scrape | None = None) -> list[Labels]:
        samples = (scrape or self._scrapes[-1]).samples
        return [
            labels
            for name, labels in samples
            if name == selector.name and all(_matches(dict(labels), *matcher) for matcher in selector.matchers)
        ]

    def _aggregate(self, node: Aggregation) -> Vector:
        groups: dict[Labels, list[float]] = {}
        for labels, value in self.value(node.arguments[-1]).items():
            groups.setdefault(frozenset(pair for pair in labels if pair[0] in node.labels), []).append(value)
        return {labels: AGGREGATIONS[node.function](values) for labels, values in groups.items()}

    def _call(self, node: Call) -> Any:
        if node.function == "time":
            return self._now
        if node.function in RANGED:
            return self._increase(node.arguments[0], per_second=node.function == "rate")
        if node.function == "absent":
            selector = node.arguments[0]
            equal = frozenset((label, text) for label, operator, text in selector.matchers if operator == "=")
            return {} if self.value(selector) else {equal: 1.0}
        if node.function == "histogram_quantile":
            return _quantiles(node.arguments[0].value, self.value(node.arguments[1]))
        return {frozenset(): self.value(node.arguments[0])}  # vector

    def _increase(self, selector: Selector, *, per_second: bool) -> Vector:
        assert selector.seconds is not None
        series: dict[Labels, list[tuple[float, float]]] = {}
        for scrape in self._scrapes:
            if self._now - selector.seconds < scrape.time:
                for labels in self._matching(selector, scrape):
                    series.setdefault(labels, []).append((scrape.time, scrape.samples[selector.name, labels]))
        grown = {
            labels: _extrapolated(samples, self._now - selector.seconds, self._now)
            for labels, samples in series.items()
            if len(samples) > 1
        }
        return {labels: value / selector.seconds if per_second else value for labels, value in grown.items()}

    def _binary(self, operator: str, left: Any, right: Any) -> Any:
        if operator == "and":
            return {labels: value for labels, value in left.items() if labels in right}
        if operator == "unless":
            return {labels: value for labels, value in left.items() if labels not in right}
        if operator == "or":
            return right | left
        if isinstance(left, float) and isinstance(right, float):
            return ARITHMETIC[operator](left, right)
        pairs = _pairs(left, right)
        if operator in COMPARISONS:
            kept = 1 if isinstance(left, float) else 0
            return {labels: pair[kept] for labels, pair in pairs.items() if COMPARISONS[operator](*pair)}
        return {labels: ARITHMETIC[operator](*pair) for labels, pair in pairs.items()}


def _matches(labels: dict[str, str], label: str, operator: str, text: str) -> bool:
    value = labels.get(label, "")
    found = bool(re.fullmatch(text, value)) if operator in {"=~", "!~"} else value == text
    return found is not operator.startswith("!")


def _pairs(left: Any, right: Any) -> dict[Labels, tuple[float, float]]:
    """The values of both sides by their labels, which must be the same."""
    if isinstance(left, float):
        return {labels: (left, value) for labels, value in right.items()}
    if isinstance(right, float):
        return {labels: (value, right) for labels, value in left.items()}
    return {labels: (value, right[labels]) for labels, value in left.items() if labels in right}


def _extrapolated(samples: list[tuple[float, float]], start: float, end: float) -> float:
    """The growth of a counter over the whole range, as Prometheus extrapolates it; a decrease is a restart at zero."""
    (first_at, first), (last_at, _) = samples[0], samples[-1]
    grown = sum(later - earlier if later >= earlier else later for (_, earlier), (_, later) in pairwise(samples))
    sampled = last_at - first_at
    average = sampled / (len(samples) - 1)
    before, after = first_at - start, end - last_at
    before = before if before < average * 1.1 else average / 2
    after = after if after < average * 1.1 else average / 2
    if grown > 0 and first >= 0:
        before = min(before, sampled * first / grown)
    return grown * (sampled + before + after) / sampled


def _quantiles(quantile: float, buckets: Vector) -> Vector:
    histograms: dict[Labels, list[tuple[float, float]]] = {}
    for labels, count in buckets.items():
        limit = float(dict(labels)["le"].replace("+Inf", "inf"))
        histograms.setdefault(frozenset(pair for pair in labels if pair[0] != "le"), []).append((limit, count))
    return {labels: _quantile(quantile, sorted(counts)) for labels, counts in histograms.items()}


def _quantile(quantile: float, buckets: list[tuple[float, float]]) -> float:
    """By linear interpolation within the bucket."""
    rank = quantile * buckets[-1][1]
    if not rank or len(buckets) < 2:
        return math.nan
    number = next(index for index, (_, count) in enumerate(buckets) if count >= rank)
    if number == len(buckets) - 1:
        return buckets[-2][0]
    low, below = buckets[number - 1] if number else (0.0, 0.0)
    high, count = buckets[number]
    return low + (high - low) * (rank - below) / (count - below)
