"""What content does because of others: enqueue."""

from apps.accounts.facts import account_hidden, account_made_private, account_made_public, account_shown
from apps.content import tasks
from apps.media.facts import media_failed, media_ready


@media_ready.receiver
def settle_after_ready(*, media_id: str) -> None:
    tasks.settle_posts_with.delay(media_id=media_id)


@media_failed.receiver
def settle_after_failure(*, media_id: str) -> None:
    tasks.settle_posts_with.delay(media_id=media_id)


@account_made_private.receiver
def hide_photos(*, user_id: str) -> None:
    tasks.reconcile_account.delay(user_id=user_id)


@account_hidden.receiver
def hide_photos_of_hidden(*, user_id: str) -> None:
    tasks.reconcile_account.delay(user_id=user_id)


@account_made_public.receiver
def show_photos(*, user_id: str) -> None:
    tasks.reconcile_account.delay(user_id=user_id)


@account_shown.receiver
def show_photos_of_shown(*, user_id: str) -> None:
    tasks.reconcile_account.delay(user_id=user_id)
