"""Reactions to the events of accounts."""

from uuid import UUID

from apps.accounts.events import account_made_public
from apps.social import services


@account_made_public.receiver
def accept_open_requests(*, user_id: str) -> None:
    """Unlike other receivers this runs in the same transaction: a public account must never have follow requests."""
    services.accept_every_request(UUID(user_id))
