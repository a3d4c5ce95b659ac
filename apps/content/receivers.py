"""Reactions to events of other apps: enqueue a task."""

from uuid import UUID

from apps.accounts.events import account_hidden, account_made_private, account_made_public, account_shown
from apps.content import services, tasks
from apps.content.events import tag_restricted
from apps.media.events import media_failed, media_ready


@media_ready.receiver
@media_failed.receiver
def settle_post_with(*, media_id: str) -> None:
    tasks.settle_post_with.delay(media_id=media_id)


@account_made_private.receiver
@account_made_public.receiver
@account_hidden.receiver
@account_shown.receiver
def reconcile_photos(*, user_id: str) -> None:
    services.reconcile_photos(author_id=UUID(user_id))


@tag_restricted.receiver
def settle_tag(*, tag_id: str) -> None:
    tasks.settle_tag.delay(tag_id=tag_id)
