"""What `manage.py doctor` examines. Each context registers what it knows about, as with `health`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error must be mended; a warning should be known of."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True)
class Finding:
    """`what` was found of `subject`, and `advice`, which is what to do about it."""

    subject: str
    severity: Severity
    what: str
    advice: str = ""


def ok(subject: str, what: str) -> Finding:
    return Finding(subject, Severity.OK, what)


def warning(subject: str, what: str, advice: str) -> Finding:
    return Finding(subject, Severity.WARNING, what, advice)


def error(subject: str, what: str, advice: str) -> Finding:
    return Finding(subject, Severity.ERROR, what, advice)


Source = Callable[[], Iterable[Finding]]
_sources: dict[str, tuple[Source, str]] = {}


def finding_source(subject: str, *, when_it_fails: str) -> Callable[[Source], Source]:
    """Register what examines `subject`. Whatever it raises is an error with the advice `when_it_fails`."""

    def register(source: Source) -> Source:
        _sources[subject] = (source, when_it_fails)
        return source

    return register


def examine() -> list[Finding]:
    """One source after the other; one that fails keeps none of the others from being asked."""
    findings: list[Finding] = []
    for subject, (source, advice) in _sources.items():
        try:
            findings += source()
        except Exception as failure:  # whatever a client library raises
            findings.append(error(subject, f"{type(failure).__name__}: {str(failure).strip()}", advice))
    return findings
