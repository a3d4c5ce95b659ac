"""Claims: the moderator who works on a case. A moderator has one claim at a time, and it expires."""

from collections.abc import Collection
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.core.errors import Conflict
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Claim
from apps.moderation.services import require_moderator


class CaseClaimed(Conflict):
    code, title = "case_claimed", _("Another moderator works on that case.")


def lifetime() -> timedelta:
    return timedelta(minutes=settings.CLAIM_MINUTES)


def take(target: Target, *, by: User) -> bool:
    """Claim the case for CLAIM_MINUTES and release every other. Returns False if another moderator has it.

    Each statement is a transaction of its own, so that moderators who exchange cases do not wait for each other. Raises
    ModeratorRequired.
    """
    require_moderator(by)
    now = timezone.now()
    until = now + lifetime()
    taken = Claim.objects.insert_or_ignore(
        target_type=target.type, target_id=target.id, moderator_id=by.pk, expires_at=until
    )
    if not taken:
        claims = Claim.objects.filter(target_type=target.type, target_id=target.id)
        # Of two concurrent calls, one waits for the row of the other and then finds it claimed.
        taken = bool(claims.filter(Q(moderator=by) | Q(expires_at__lte=now)).update(moderator=by, expires_at=until))
    if taken:
        Claim.objects.filter(moderator=by).exclude(target_type=target.type, target_id=target.id).delete()
    return taken


def release(target: Target, *, by: User) -> None:
    """Release the claim of this moderator, if they have it."""
    Claim.objects.filter(target_type=target.type, target_id=target.id, moderator=by).delete()


def end(target_id: UUID) -> None:
    """Delete the claim of a decided case."""
    Claim.objects.filter(target_id=target_id).delete()


def held() -> QuerySet[Claim]:
    """The claims that have not expired."""
    return Claim.objects.filter(expires_at__gt=timezone.now())


def holders(target_ids: Collection[UUID]) -> dict[UUID, Claim]:
    """The claims of these targets, with their moderators."""
    found = held().filter(target_id__in=target_ids).select_related("moderator")
    return {claim.target_id: claim for claim in found}


def require_free(target: Target, *, by: User) -> None:
    """Raises CaseClaimed while another moderator works on it."""
    others = held().filter(target_type=target.type, target_id=target.id).exclude(moderator=by)
    other = others.select_related("moderator").first()
    if other:
        text = _("{moderator} works on that case until {time} UTC.")
        raise CaseClaimed(text.format(moderator=other.moderator, time=f"{other.expires_at:%H:%M}"))
