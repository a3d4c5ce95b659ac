"""Signing up, as far as the settings of the site allow it. `services.sign_up` creates accounts without these rules."""

from datetime import date

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


def needs_reason(invitation: str) -> bool:
    """Whether a moderator decides on a sign-up with this code, or without one: an invitation replaces the approval."""
    return site.current().registration == Mode.APPROVAL and not invitation


def register(
    *,
    handle: str,
    email: str,
    password: str,
    display_name: str = "",
    locale: str = "",
    time_zone: str = "",
    invitation: str = "",
    reason: str = "",
    date_of_birth: date | None = None,
    proof_of_work: str = "",
) -> User:
    """Sign up: create an account, which is pending if a moderator has to approve it.

    Raises RegistrationClosed, InvitationRequired, InvalidInvitation, UnderAge, ProofOfWorkRequired, Invalid for a
    missing reason or date and for a blocked domain, and what `services.sign_up` raises.
    """
    rules = site.current()
    if rules.registration == Mode.CLOSED:
        raise RegistrationClosed
    if rules.registration == Mode.INVITE and not invitation:
        raise InvitationRequired
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
        user = services.sign_up(
            handle=handle,
            email=email,
            password=password,
            display_name=display_name,
            locale=locale,
            time_zone=time_zone,
            is_of_age=bool(rules.minimum_age),
            is_pending=is_application,
        )
        if is_application:
            Application.objects.create(user=user, reason=reason)
        if invitation:
            invitations.redeem(invitation, user=user)
    return user


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
