"""The mark of verified accounts, which admins grant and remove with a reason that is recorded."""

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.moderation.audit.records import record_staff_act
from apps.moderation.permissions import NotYourOwn, require_admin, require_reason
from apps.moderation.roles import NotInGoodStanding


def may_verify(by: User, person: User) -> bool:
    """Whether the mark of the person is for this user to grant and remove."""
    return "admin" in by.roles and by.pk != person.pk


@transaction.atomic
def set_verified(person: User, *, verified: bool, by: User, reason: str) -> bool:
    """Grant or remove the mark, and mail the member. Idempotent. Returns whether it changed.

    Raises AdminRequired, NotYourOwn, ReasonRequired, and NotInGoodStanding if the mark is granted to an account that is
    not active.
    """
    require_admin(by)
    if by.pk == person.pk:
        raise NotYourOwn
    reason = require_reason(reason)
    if verified and not person.is_active:
        raise NotInGoodStanding(_("{user} is {state}.").format(user=person, state=person.state))
    changed = accounts.set_verified(person, verified, reason=reason)
    if changed:
        record_staff_act("verify" if verified else "remove_verification", person, by=by.pk, reason=reason)
    return changed
