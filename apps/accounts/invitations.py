"""Invitations: codes with which people sign up while registration is not open to everyone.

A member may invite as many people as the setting of the site says. Places in open invitations count, and people who
have joined with an invitation until it is deleted, ENDED_INVITATIONS_KEPT after its end (`housekeeping.py`).

The operator invites in the console, without such a limit. While registration is closed, members create no invitations
and theirs do not work; those of the operator work in every mode.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Sum, When
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import CODE_LENGTH, Invitation, InvitationUse, User
from apps.accounts.querysets import InvitationQuerySet
from apps.core.errors import BadRequest, Conflict, Forbidden, NotFound
from apps.site import reads as site
from apps.site.models import SiteSettings

MOST_USES, MOST_DAYS = 1000, 365
DEFAULT_DAYS = 7
Mode = SiteSettings.Registration


class RegistrationClosed(Forbidden):
    code, title = "registration_closed", _("This site does not accept new members at present.")


class InvalidInvitation(BadRequest):
    """The response does not say whether the code is unknown, used up, expired or revoked."""

    code, title = "invalid_invitation", _("That invitation is not valid, or not any more.")


class InvitationQuotaExceeded(Conflict):
    code, title = "invitation_quota_exceeded", _("You cannot invite that many people.")


@dataclass(frozen=True)
class Quota:
    """How many people a member may invite, and how many of these places are taken."""

    limit: int
    used: int

    @property
    def left(self) -> int:
        return max(self.limit - self.used, 0)


def quota_of(user_id: UUID) -> Quota:
    places = Case(When(pk__in=Invitation.objects.open().values("pk"), then=F("max_uses")), default=F("uses"))
    used = Invitation.objects.owned_by(user_id).aggregate(used=Sum(places))["used"]
    return Quota(site.current().invitations_per_member, used or 0)


@transaction.atomic
def invite(user_id: UUID, *, max_uses: int = 1, days: int = DEFAULT_DAYS) -> Invitation:
    """Create an invitation of a member. Raises RegistrationClosed, InvitationQuotaExceeded."""
    if is_closed_to_members():
        raise RegistrationClosed
    # The lock serialises concurrent requests, whose invitations count.
    User.objects.select_for_update(no_key=True).get(pk=user_id)
    quota = quota_of(user_id)
    if max_uses > quota.left:
        raise InvitationQuotaExceeded(limit=quota.limit, left=quota.left)
    return create(user_id, max_uses=max_uses, days=days)


def create(user_id: UUID, *, max_uses: int, days: int, by_operator: bool = False) -> Invitation:
    """Create an invitation, whatever the creator's quota and the registration mode are."""
    return Invitation.objects.create(
        creator_id=user_id,
        by_operator=by_operator,
        max_uses=max_uses,
        expires_at=timezone.now() + timedelta(days=days),
    )


def is_closed_to_members() -> bool:
    """Whether members cannot invite, and invitations of members do not work."""
    return site.current().registration == Mode.CLOSED


def usable() -> InvitationQuerySet:
    """Invitations with which people can sign up now, if their creators are active. All conditions are on the row
    itself (`redeem`)."""
    invitations = Invitation.objects.open()
    return invitations.filter(by_operator=True) if is_closed_to_members() else invitations


def revoke(invitation: Invitation) -> bool:
    """End the invitation now. Returns whether it was not revoked before."""
    return bool(Invitation.objects.filter(pk=invitation.pk, revoked_at=None).update(revoked_at=timezone.now()))


def revoke_own(user_id: UUID, code: str) -> None:
    """End an invitation of this user. Idempotent. Raises NotFound for those of others."""
    invitation = Invitation.objects.owned_by(user_id).filter(code=normalise(code)).first()
    if invitation is None:
        raise NotFound
    revoke(invitation)


def normalise(typed: str) -> str:
    """The form in which codes are stored. Empty for a text that cannot be a code."""
    code = typed.strip().lower()
    return code if len(code) == CODE_LENGTH and code.isascii() and code.isalnum() else ""


def find_valid(code: str) -> Invitation | None:
    """The invitation, if someone could sign up with it now."""
    invitations = usable().filter(creator__state=User.State.ACTIVE)
    return invitations.filter(code=normalise(code)).select_related("creator__avatar").first()


def redeem(code: str, *, user: User) -> None:
    """Use the invitation for this new account. Raises InvalidInvitation.

    One conditional UPDATE, whose conditions are all on the row itself, decides which of several concurrent sign-ups
    takes the last place: the others wait for the row's lock, and then PostgreSQL checks the conditions again.
    """
    code = normalise(code)
    if not usable().filter(code=code).update(uses=F("uses") + 1):
        raise InvalidInvitation
    invitation = Invitation.objects.select_related("creator").get(code=code)
    # The caller's transaction, which fails now, returns the place.
    if not invitation.creator.is_active:
        raise InvalidInvitation
    InvitationUse.objects.create(invitation=invitation, user=user)
