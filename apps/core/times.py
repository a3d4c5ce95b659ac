"""Times as the API writes them."""

from datetime import UTC, datetime
from functools import lru_cache

import orjson

_WHOLE_SECONDS = len('"2026-11-23T16:14:05Z"')


@lru_cache(maxsize=8192)
def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: 2026-11-23T16:14:05.123Z. Cut from what orjson writes, in a third of the time
    that `isoformat` takes: microseconds, or no fraction where there are none. Remembered, since a list of twenty
    notifications has sixty moments, and is read again and again."""
    written = orjson.dumps(moment.astimezone(UTC), option=orjson.OPT_UTC_Z).decode()
    return f"{written[1:20]}.000Z" if len(written) == _WHOLE_SECONDS else f"{written[1:24]}Z"
