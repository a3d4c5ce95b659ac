"""What this context has written down twice, compared with what it follows from: avatars and their public copies."""

from collections.abc import Iterator
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Q

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.batches import Pace
from apps.core.findings import Finding
from apps.media import services as media

log = structlog.get_logger(__name__)
EXPOSED = "avatar.wanted_public"


def repair_avatars(pace: Pace | None = None) -> int:
    """Everybody sees the avatar of who stands, and nobody that of who is suspended, leaving or erased. Returns how
    many were otherwise."""
    return sum(1 for _ in wrong_avatars(pace or Pace()))


def wrong_avatars(pace: Pace, *, dry_run: bool = False) -> Iterator[Finding]:
    """Walk through all accounts, from `pace.place` on; each avatar that is wrong, and put right unless `dry_run`."""
    last = UUID(pace.place["after"]) if pace.place else None
    people = User.objects.order_by("pk")
    while pace.goes_on():
        pks = list((people.filter(pk__gt=last) if last else people).values_list("pk", flat=True)[: pace.batch])
        if not pks:
            return
        last = pks[-1]
        for user in _wrong(User.objects.filter(pk__in=pks)):
            if dry_run or _put_right(user.pk):
                yield Finding(EXPOSED, user.pk, not user.is_active, user.is_active)
        pace.step(len(pks), {"after": str(last)})


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
    log.warning("field_repaired", field=EXPOSED, id=str(user_id), true=user.is_active)
    (media.expose if user.is_active else media.conceal)([user.avatar_id])
    return True
