"""A parser for the part of PromQL that our alerts and panels use."""

import re
from dataclasses import dataclass, field

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
AGGREGATIONS = {"sum", "min", "max", "avg", "count", "topk"}
FUNCTIONS = {"rate", "increase", "histogram_quantile", "time", "vector"}
RANGED = {"rate", "increase"}
BINARY = {"==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "and", "or", "unless"}


class InvalidPromQL(Exception):
    """The expression cannot be parsed."""


@dataclass
class Selector:
    """`name{label="…"}`, and the labels that the aggregations around it keep."""

    name: str
    matched: set[str] = field(default_factory=set)
    grouped: set[str] = field(default_factory=set)
    ranged: bool = False


def selectors(expression: str) -> list[Selector]:
    """Raises InvalidPromQL."""
    reader = _Reader(expression)
    reader.expression()
    if reader.peek()[1]:
        raise InvalidPromQL(f"{expression}: {reader.peek()[1]} is too much")
    return reader.found


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
        self.found: list[Selector] = []

    def peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def take(self, wanted: str = "") -> tuple[str, str]:
        token = self.peek()
        if wanted and token[1] != wanted:
            raise InvalidPromQL(f"{token[1]!r} where {wanted!r} should be")
        self._next += 1
        return token

    def expression(self) -> None:
        self._operand()
        while self.peek()[1] in BINARY:
            self.take()
            self._operand()

    def _operand(self) -> None:
        kind, text = self.take()
        if kind == "number":
            return
        if text == "(":
            self.expression()
            self.take(")")
        elif kind == "name" and text in AGGREGATIONS:
            self._aggregation()
        elif kind == "name" and text in FUNCTIONS and self.peek()[1] == "(":
            self._call(text)
        elif kind == "name":
            self._selector(text)
        else:
            raise InvalidPromQL(f"{text!r} begins nothing")

    def _aggregation(self) -> None:
        labels = set()
        if self.peek()[1] == "by":
            self.take()
            labels = set(self._list(lambda: self.take()[1]))
        before = len(self.found)
        self._list(self.expression)
        for selector in self.found[before:]:
            selector.grouped |= labels

    def _call(self, function: str) -> None:
        before = len(self.found)
        self._list(self.expression)
        for selector in self.found[before:]:
            if function in RANGED and not selector.ranged:
                raise InvalidPromQL(f"{function}({selector.name}) has no range")

    def _list(self, item) -> list:
        self.take("(")
        items = []
        while self.peek()[1] != ")":
            items.append(item())
            if self.peek()[1] == ",":
                self.take()
        self.take(")")
        return items

    def _selector(self, name: str) -> None:
        selector = Selector(name)
        if self.peek()[1] == "{":
            self.take()
            while self.peek()[1] != "}":
                selector.matched.add(self.take()[1])
                if self.take()[1] not in {"=", "!=", "=~", "!~"} or self.take()[0] != "string":
                    raise InvalidPromQL(f"{name}: a label is matched with nothing")
                if self.peek()[1] == ",":
                    self.take()
            self.take("}")
        if self.peek()[0] == "range":
            self.take()
            selector.ranged = True
        self.found.append(selector)
