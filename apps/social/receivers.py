"""What the social graph does because of accounts."""

from uuid import UUID

from apps.accounts.events import account_made_public
from apps.social import services


@account_made_public.receiver
def accept_open_requests(*, user_id: str) -> None:
    """At once, in the same transaction, unlike other receivers: a request at a public account must never be seen."""
    services.accept_every_request(UUID(user_id))
