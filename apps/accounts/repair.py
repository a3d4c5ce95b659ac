"""Repairs `wanted_public` of avatars: the avatar of an active account is public, that of an inactive one is not."""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.db.counters import Drift
from apps.media import services as media

EXPOSED = "avatar.wanted_public"


def repair_avatars(user_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    """Yields the avatars of these users that are wrong, and repairs them unless it is a dry run."""
    for user in _wrong(User.objects.filter(pk__in=user_ids)):
        if dry_run or _repair(user.pk):
            yield Drift(EXPOSED, user.pk, not user.is_active, user.is_active)


def _wrong(users: UserQuerySet) -> UserQuerySet:
    active = Q(state=User.State.ACTIVE)
    wrong: UserQuerySet = users.filter(
        (active & Q(avatar__wanted_public=False)) | (~active & Q(avatar__wanted_public=True))
    )
    return wrong


@transaction.atomic
def _repair(user_id: UUID) -> bool:
    """Returns False if the avatar is right by now. Changes of the state or the avatar lock the account too."""
    locked = User.objects.select_for_update(no_key=True).filter(pk=user_id)
    list(locked.values_list("pk", flat=True))
    user = _wrong(User.objects.filter(pk=user_id)).first()
    if user is None or user.avatar_id is None:
        return False
    (media.make_public if user.is_active else media.make_private)([user.avatar_id])
    return True
