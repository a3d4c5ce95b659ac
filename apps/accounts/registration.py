"""Signing up under the rules in the settings of the site. `services.sign_up` creates accounts without these rules."""

from datetime import date
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.accounts import email_domains, invitations, services
from apps.accounts import proof_of_work as proofs
from apps.accounts.invitations import Mode, RegistrationClosed
from apps.accounts.models import Application, User
from apps.core.errors import Forbidden, Invalid
from apps.core.text import is_blank
from apps.site import reads as site

OLDEST = 130


class InvitationRequired(Forbidden):
    code, title = "invitation_required", gettext_lazy("You need an invitation to join.")


class UnderAge(Forbidden):
    code, title = "under_age", gettext_lazy("You are not old enough to join.")


def is_closed(invitation: str) -> bool:
    """Whether nobody can sign up without an invitation, and there is no code of one. Only `register` checks the code:
    a page that does so would let visitors guess codes."""
    return site.current().registration == Mode.CLOSED and not invitation


def needs_reason(invitation: str) -> bool:
    """Whether a moderator decides on a sign-up with this code, or without one: an invitation replaces the approval."""
    return site.current().registration == Mode.APPROVAL and not invitation


def register(
    *,
    email: str,
    invitation: str = "",
    reason: str = "",
    date_of_birth: date | None = None,
    proof_of_work: str = "",
    **account: Any,
) -> User:
    """Sign up: create an account, which is pending if a moderator has to approve it. `account`: the other arguments of
    `services.sign_up`.

    Raises RegistrationClosed, InvitationRequired, InvalidInvitation, UnderAge, ProofOfWorkRequired, Invalid for a
    missing reason or date and for a blocked domain, and what `services.sign_up` raises.
    """
    _require_open(invitation)
    rules = site.current()
    if rules.minimum_age:
        _require_age(rules.minimum_age, date_of_birth)
    is_application = needs_reason(invitation)
    if is_application and is_blank(reason):
        raise Invalid(reason=("required", _("Tell the moderators why you want to join.")))
    email_domains.check_email_domain(email)
    # Before the transaction, so that a solution is used even if the sign-up fails.
    if rules.proof_of_work:
        proofs.require(proof_of_work)
    with transaction.atomic():
        user = services.sign_up(email=email, is_of_age=bool(rules.minimum_age), is_pending=is_application, **account)
        if is_application:
            Application.objects.create(user=user, reason=reason)
        if invitation:
            invitations.redeem(invitation, user=user)
    return user


def _require_open(invitation: str) -> None:
    """Raises RegistrationClosed, also for a code that is worth nothing while registration is closed;
    InvitationRequired."""
    mode = site.current().registration
    if mode == Mode.CLOSED and invitations.find_valid(invitation) is None:
        raise RegistrationClosed
    if mode == Mode.INVITE and not invitation:
        raise InvitationRequired


def _require_age(least: int, born: date | None) -> None:
    """Raises UnderAge, and Invalid without a date that can be one of birth."""
    if born is None:
        raise Invalid(date_of_birth=("required", _("Give your date of birth.")))
    today = timezone.now().date()
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if not 0 <= age <= OLDEST:
        raise Invalid(date_of_birth=("invalid", _("This is not a date of birth.")))
    if age < least:
        raise UnderAge
