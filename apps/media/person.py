"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from apps.core.contexts import Export


def erase(user_id: UUID) -> None:
    pass


def export(user_id: UUID) -> Export:
    yield from ()
