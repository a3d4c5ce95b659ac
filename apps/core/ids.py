"""Identifiers: UUIDv7 (RFC 9562, section 5.7), made by the application, so that ids sort by time of creation."""

from uuid import UUID

from uuid_utils import compat


def new_id() -> UUID:
    return compat.uuid7()
