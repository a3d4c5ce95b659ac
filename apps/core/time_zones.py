"""The time zones that members can choose, and that in which dates are shown to them."""

from contextlib import AbstractContextManager
from functools import cache
from itertools import groupby
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.utils import timezone

# The areas of the IANA database that are places. The rest are abbreviations, aliases and offsets.
AREAS = ("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")


@cache
def names() -> frozenset[str]:
    """The names that are valid: every place, and UTC."""
    return frozenset(name for name in available_timezones() if name == "UTC" or name.startswith(AREAS))


def choices() -> list[tuple[str, list[str]]]:
    """(area, names) for a form, in alphabetical order."""
    places = sorted(name for name in names() if "/" in name)
    return [(area, list(of_area)) for area, of_area in groupby(places, key=lambda name: name.partition("/")[0])]


def show_dates_in(name: str) -> AbstractContextManager[None]:
    """Show dates in the time zone `name` of a member; in that of the server if it is empty or no longer known."""
    return timezone.override(_find(name))


def _find(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError):
        return None
