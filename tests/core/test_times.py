"""Moments as the API writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.utils.timezone import localtime
from hypothesis import given
from hypothesis import strategies as st

from apps.core import time_zones
from apps.core.times import timestamp

ZONES = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
# Not at the ends of the calendar, beyond which UTC may be.
FIRST, LAST = datetime.fromisoformat("0002-01-01"), datetime.fromisoformat("9998-12-31")
MOMENTS = st.datetimes(FIRST, LAST, timezones=ZONES)


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2026, 11, 23, 16, 14, 5, 123456, tzinfo=UTC), "2026-11-23T16:14:05.123Z"),
        (datetime(2026, 11, 23, 16, 14, 5, tzinfo=UTC), "2026-11-23T16:14:05.000Z"),
        (datetime(2026, 11, 23, 16, 14, 5, 999, tzinfo=UTC), "2026-11-23T16:14:05.000Z"),
        (datetime(2026, 11, 23, 1, 14, 5, tzinfo=timezone(timedelta(hours=2))), "2026-11-22T23:14:05.000Z"),
    ],
)
def test_time_is_formatted_in_utc_with_milliseconds(moment: datetime, written: str) -> None:
    assert timestamp(moment) == written


def test_time_zones_are_the_places_and_utc() -> None:
    assert {"UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Pacific/Auckland"} <= time_zones.names()
    assert not {"GMT", "Etc/GMT+3", "EST5EDT", "Japan", "US/Pacific", "localtime"} & time_zones.names()
    areas = dict(time_zones.choices())
    assert list(areas) == sorted(areas)
    assert all(list(names) == sorted(names) for names in areas.values())
    assert {name for names in areas.values() for name in names} == time_zones.names() - {"UTC"}


@pytest.mark.parametrize(
    ("name", "hour"), [("Asia/Tokyo", 21), ("", 12), ("Mars/Olympus", 12), ("../secret", 12), ("a\0b", 12)]
)
def test_dates_are_shown_in_the_zone_or_in_that_of_the_server(name: str, hour: int) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with time_zones.show_dates_in(name):
        assert localtime(noon).hour == hour
    assert localtime(noon).hour == 12


@given(MOMENTS)
def test_time_is_formatted_like_isoformat(moment: datetime) -> None:
    expected = moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    assert timestamp(moment) == expected
