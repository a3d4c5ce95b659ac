"""Times as the API writes them."""

from datetime import UTC, datetime

import orjson

_WHOLE_SECONDS = len('"2026-11-23T16:14:05Z"')


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-11-23T16:14:05.123Z. Cut from what orjson writes, in a third of the time
    that `isoformat` takes: microseconds, or no fraction where there are none."""
    written = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z).decode()
    return f"{written[1:20]}.000Z" if len(written) == _WHOLE_SECONDS else f"{written[1:24]}Z"
