"""Reactions to events of other apps: enqueue a task."""

from apps.accounts.events import blocked_text_in_profile
from apps.content.events import banned_image_posted, blocked_text_posted
from apps.engagement.events import blocked_text_commented
from apps.moderation import tasks


@banned_image_posted.receiver
def flag_banned_image(*, post_id: str) -> None:
    tasks.flag_banned_image.delay(post_id=post_id)


@blocked_text_in_profile.receiver
def flag_person(*, user_id: str, term_id: str) -> None:
    tasks.flag_blocked_text.delay(target_type="user", target_id=user_id, term_id=term_id)


@blocked_text_posted.receiver
def flag_post(*, post_id: str, term_id: str) -> None:
    tasks.flag_blocked_text.delay(target_type="post", target_id=post_id, term_id=term_id)


@blocked_text_commented.receiver
def flag_comment(*, comment_id: str, term_id: str) -> None:
    tasks.flag_blocked_text.delay(target_type="comment", target_id=comment_id, term_id=term_id)
