"""What this context has written down twice: whether an avatar has public copies follows from whether its owner stands.

Everybody sees the avatar of who stands, and nobody that of who is suspended, leaving or erased.
"""

from collections.abc import Iterator
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.db.drift import Drift
from apps.media import services as media

EXPOSED = "avatar.wanted_public"


def repair_avatars(user_ids: list[UUID], dry_run: bool) -> Iterator[Drift]:
    """Each avatar of these people that is wrong; it is put right unless it is a dry run."""
    for user in _wrong(User.objects.filter(pk__in=user_ids)):
        if dry_run or _put_right(user.pk):
            yield Drift(EXPOSED, user.pk, not user.is_active, user.is_active)


def _wrong(people: UserQuerySet) -> UserQuerySet:
    standing = Q(state=User.State.ACTIVE)
    wrong: UserQuerySet = people.filter(
        (standing & Q(avatar__wanted_public=False)) | (~standing & Q(avatar__wanted_public=True))
    )
    return wrong


@transaction.atomic
def _put_right(user_id: UUID) -> bool:
    """False when it has become right meanwhile: whoever changes the state or the avatar locks the account first."""
    locked = User.objects.select_for_update(no_key=True).filter(pk=user_id)
    list(locked.values_list("pk", flat=True))
    user = _wrong(User.objects.filter(pk=user_id)).first()
    if user is None or user.avatar_id is None:
        return False
    (media.make_public if user.is_active else media.make_private)([user.avatar_id])
    return True
