"""Moments as the API writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(MOMENTS)
def test_time_is_formatted_like_isoformat(moment: datetime) -> None:
    expected = moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    assert timestamp(moment) == expected
