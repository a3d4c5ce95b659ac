"""What the commands that repair tell of what they have found; `kind` is what they call a field of theirs."""

from collections.abc import Iterable, Iterator

from apps.core.db.counters import Drift
from apps.core.management.base import LISTED, Result


def tally(drifts: Iterable[Drift], fields: Iterable[str], *, kind: str) -> Result:
    """How many of each of `fields` are wrong, and the first LISTED one by one."""
    wrong = dict.fromkeys(fields, 0)
    found: list[Result] = []
    for drift in drifts:
        wrong[drift.field] += 1
        if len(found) < LISTED:
            found.append({kind: drift.field, "id": str(drift.pk), "shown": drift.shown, "true": drift.true})
    return {"wrong": wrong, "found": found}


def in_words(result: Result, *, kind: str, checked: str, width: int) -> Iterator[str]:
    """Of `tally`, and of how many rows were `checked`."""
    for found in result["found"]:
        yield f"{found[kind]} of {found['id']}: {found['shown']} shown, {found['true']} true"
    yield f"{result['checked']} {checked} checked."
    for field, wrong in result["wrong"].items():
        yield f"  {field:<{width}} {wrong} wrong"
