"""Identifiers: UUIDv7 (RFC 9562, section 5.7), made by the application, so that ids sort by time of creation."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    return compat.uuid7()


def parse_id(text: str) -> UUID | None:
    """The UUID that `text` spells canonically (lower case, with hyphens), or None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text else None
