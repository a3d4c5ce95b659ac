"""Claims: who works on a case. A moderator holds one at a time, and it expires by itself."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.accounts.models import User
from apps.core.db.ids import new_id
from apps.core.db.statements import select
from apps.core.errors import Conflict
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Claim
from apps.moderation.services import require_moderator

# Whoever comes first has it: of two at once, one waits for the other's row and then finds it held.
_TAKE = """
INSERT INTO moderation_claim AS held (id, target_type, target_id, moderator_id, expires_at)
VALUES (%(claim)s, %(type)s, %(id)s, %(by)s, %(until)s)
ON CONFLICT (target_id, target_type) DO UPDATE SET moderator_id = %(by)s, expires_at = %(until)s
WHERE held.moderator_id = %(by)s OR held.expires_at <= %(now)s
RETURNING held.id
"""


class CaseClaimed(Conflict):
    code, title = "case_claimed", "Another moderator works on that case."


def lifetime() -> timedelta:
    return timedelta(minutes=settings.CLAIM_MINUTES)


def take(target: Target, *, by: User) -> bool:
    """Have the case for CLAIM_MINUTES from now on, and let go of any other. False: it is somebody else's.

    Each of the two statements is a transaction of its own, so that moderators who change places do not wait for each
    other. Raises ModeratorRequired.
    """
    require_moderator(by)
    now = timezone.now()
    until = now + lifetime()
    taken = select(_TAKE, claim=new_id(), type=target.type, id=target.id, by=by.pk, until=until, now=now)
    if taken:
        Claim.objects.filter(moderator=by).exclude(pk=taken[0][0]).delete()
    return bool(taken)


def release(target: Target, *, by: User) -> None:
    """Let go of it, if it is one's own."""
    Claim.objects.filter(target_type=target.type, target_id=target.id, moderator=by).delete()


def end(target_id: UUID) -> None:
    """The case is decided."""
    Claim.objects.filter(target_id=target_id).delete()


def require_free(target: Target, *, by: User) -> None:
    """Raises CaseClaimed while another moderator works on it."""
    held = Claim.objects.filter(target_type=target.type, target_id=target.id, expires_at__gt=timezone.now())
    other = held.exclude(moderator=by).select_related("moderator").first()
    if other:
        raise CaseClaimed(f"{other.moderator} works on that case until {other.expires_at:%H:%M} UTC.")
