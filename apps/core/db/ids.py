"""Identifiers: UUIDv7 (RFC 9562, section 5.7), made by the application, so that ids sort by time of creation."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from uuid_utils import compat

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_RANDOM_BITS = 80


def new_id() -> UUID:
    return compat.uuid7()


def new_id_at(moment: datetime) -> UUID:
    """A new id, but for its moment: of what happened then and is written down now."""
    return UUID(int=first_id_at(moment).int | (new_id().int & ((1 << _RANDOM_BITS) - 1)))


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` spells canonically (lower case, with hyphens), or None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text else None


def moment_of(pk: UUID) -> datetime:
    """When the id was made, to the millisecond."""
    return _EPOCH + (pk.int >> _RANDOM_BITS) * _MILLISECOND


def first_id_at(moment: datetime) -> UUID:
    """Not above any id made at that moment (to the millisecond) or later, and above every earlier one."""
    return UUID(int=max((moment - _EPOCH) // _MILLISECOND, 0) << _RANDOM_BITS)
