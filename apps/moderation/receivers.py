"""What moderation does because of others: enqueue."""

from apps.content.facts import banned_image_posted
from apps.moderation import tasks


@banned_image_posted.receiver
def flag_banned_image(*, post_id: str) -> None:
    tasks.flag_banned_image.delay(post_id=post_id)
