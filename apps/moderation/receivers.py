"""Reactions to events of other apps: enqueue a task. A user who leaves a group of staff loses the console sessions."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models.signals import m2m_changed
from django.dispatch import receiver

from apps.accounts import services as accounts
from apps.accounts.events import blocked_text_in_profile
from apps.accounts.models import Session, User
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


@receiver(m2m_changed, sender=User.groups.through)
def end_console_sessions(*, action: str, instance: Any, reverse: bool, pk_set: set[UUID] | None, **_: Any) -> None:
    """Also for changes that do not go through `roles.dismiss`, such as those in a shell."""
    if action not in {"post_remove", "pre_clear"}:
        return
    users: Iterable[UUID] = [instance.pk]
    if reverse:  # `instance` is the group, and `pk_set` its former members; None: all of them
        users = pk_set if pk_set is not None else list(instance.user_set.values_list("pk", flat=True))
    for user_id in users:
        accounts.end_console_sessions(user_id, reason=Session.EndReason.DISMISSED)
