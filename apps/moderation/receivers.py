"""Reactions to events of other apps: enqueue a task. A user who loses a rank also loses the console sessions."""

from typing import Any
from uuid import UUID

from django.db.models.signals import m2m_changed
from django.dispatch import receiver

from apps.accounts import services as accounts
from apps.accounts import session_cache
from apps.accounts.events import blocked_text_in_profile
from apps.accounts.models import Session, User
from apps.content.events import banned_image_posted, blocked_text_posted
from apps.engagement.events import blocked_text_commented
from apps.moderation import roles, tasks


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
def end_console_sessions(*, action: str, instance: Any, reverse: bool, pk_set: set[Any] | None, **_: Any) -> None:
    """End the console sessions of users whose rank becomes lower, also by changes that do not go through
    `roles.dismiss`, such as those in a shell."""
    if action not in {"pre_remove", "pre_clear"}:
        return
    # `instance` is the group if `reverse`, otherwise the user. `pk_set` has the other side; None: all of it.
    one, other = ("group_id", "user_id") if reverse else ("user_id", "group_id")
    removed = User.groups.through.objects.filter(**{one: instance.pk}, group__name__in=roles.RANKS)
    if pk_set is not None:
        removed = removed.filter(**{f"{other}__in": pk_set})
    lost: dict[UUID, set[str]] = {}
    for user_id, name in removed.values_list("user_id", "group__name"):
        lost.setdefault(user_id, set()).add(name)
    for user in User.objects.filter(pk__in=lost).prefetch_related("groups"):
        if roles.is_lower_without(user, lost[user.pk]):
            accounts.end_console_sessions(user.pk, reason=Session.EndReason.DISMISSED)
        else:  # Cached sessions contain the roles.
            session_cache.mark_user(user.pk)
