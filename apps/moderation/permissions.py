"""Recorded acts of staff besides decisions: reading private data of users, and two-factor authentication."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import confirmation, session_cache, two_factor
from apps.accounts import services as accounts
from apps.accounts.models import Passkey, SecurityEvent, Session, User
from apps.core.errors import BadRequest, Conflict, Forbidden
from apps.core.text import is_blank
from apps.moderation import roles
from apps.moderation.audit.records import record_staff_act
from apps.moderation.roles import require_higher_rank, require_may_change_rules

# The number of sessions and of security events that a page shows, newest first.
SESSIONS = EVENTS = 100


class ReasonRequired(BadRequest):
    code, title = "reason_required", _("Give a reason. It is recorded.")


class AdminRequired(Forbidden):
    code, title = "admin_required", _("Only admins may do that.")


class NotStaff(Conflict):
    code, title = "not_staff", _("This account has no role.")


class NotYourOwn(Forbidden):
    code, title = "not_your_own", _("You cannot do this for your own account. Ask another admin or an operator.")


# ── Private data ──────────────────────────────────────────────────────────────────────────────────────
def masked_email(email: str) -> str:
    """The address with most characters hidden: `a***@e***.org`."""
    name, _, domain = email.partition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}***@{host[:1]}***{dot}{ending}" if dot else f"{name[:1]}***@***"


@transaction.atomic
def read_email(person: User, *, by: User, reason: str) -> str:
    """The complete e-mail address. Raises SeniorModeratorRequired, CannotModerate, ReasonRequired."""
    _require_access(person, by)
    record_staff_act("read_email", person, by=by.pk, reason=require_reason(reason))
    return person.email


@transaction.atomic
def read_sessions(person: User, *, by: User, reason: str) -> list[Session]:
    """The newest sessions, with complete addresses and devices. Raises as `read_email`."""
    _require_access(person, by)
    sessions = list(Session.objects.owned_by(person.pk).order_by("-id")[:SESSIONS])
    record_staff_act("read_sessions", person, by=by.pk, reason=require_reason(reason), sessions=len(sessions))
    return sessions


@transaction.atomic
def read_security_events(person: User, *, by: User, reason: str) -> list[SecurityEvent]:
    """The newest security events, with devices and networks. Raises as `read_email`."""
    _require_access(person, by)
    events = list(SecurityEvent.objects.owned_by(person.pk).order_by("-id")[:EVENTS])
    record_staff_act("read_security_events", person, by=by.pk, reason=require_reason(reason), events=len(events))
    return events


@transaction.atomic
def record_session_view(session: Session, *, by: User) -> None:
    """Record that a session's page was opened, which masks the address.

    Raises SeniorModeratorRequired, CannotModerate.
    """
    _require_access(session.user, by)
    record_staff_act("read_sessions", session.user, by=by.pk, session=str(session.pk), masked=True)


def _require_access(person: User, by: User) -> None:
    require_may_change_rules(by)
    if person.pk != by.pk:
        require_higher_rank(by, person)


def require_admin(by: User) -> None:
    """Raises AdminRequired."""
    if "admin" not in by.roles:
        raise AdminRequired


def require_reason(reason: str) -> str:
    """The reason without surrounding space. Raises ReasonRequired."""
    if is_blank(reason):
        raise ReasonRequired
    return reason.strip()


# ── Two-factor ───────────────────────────────────────────────────────────────────────────────────────────
# What members change about their own second factors. If they are staff, the audit records it.
@transaction.atomic
def enrol(user: User, *, code: str, session_id: UUID | None = None) -> tuple[TOTPDevice, list[str]]:
    """Set up an authenticator app for the current user. Raises as `two_factor.confirm`.

    `session_id`: the session in which the user does so, which keeps the rank.
    """
    device, codes = two_factor.confirm(user, code, session_id=session_id)
    _finish_enrolment(user, session_id)
    _record_own("enrol_two_factor", user)
    return device, codes


@transaction.atomic
def add_passkey(
    user: User, *, challenge: str, credential: dict[str, Any], name: str, session_id: UUID
) -> tuple[Passkey, list[str]]:
    """Add a passkey for the current user. Raises as `two_factor.add_passkey`."""
    passkey, codes = two_factor.add_passkey(
        user, challenge=challenge, credential=credential, name=name, session_id=session_id
    )
    _finish_enrolment(user, session_id)
    _record_own("add_passkey", user, passkey=str(passkey.pk))
    return passkey, codes


@transaction.atomic
def remove_app(user: User, *, session_id: UUID) -> None:
    """Remove the authenticator app of the current user. Raises as `two_factor.remove_app`."""
    two_factor.remove_app(user, session_id=session_id)
    session_cache.mark_user(user.pk)
    _record_own("remove_app", user)


@transaction.atomic
def remove_passkey(user: User, passkey_id: UUID, *, session_id: UUID) -> None:
    """Remove a passkey of the current user. Raises as `two_factor.remove_passkey`."""
    two_factor.remove_passkey(user, passkey_id, session_id=session_id)
    session_cache.mark_user(user.pk)
    _record_own("remove_passkey", user, passkey=str(passkey_id))


@transaction.atomic
def accept(user: User, code: str, *, address: str | None = None, user_agent: str = "") -> str | None:
    """As `two_factor.accept`. Records that staff use a recovery code, since the list may have been stolen."""
    method = two_factor.accept(user, code, address=address, user_agent=user_agent)
    if method == two_factor.RECOVERY_CODE:
        _record_own("use_recovery_code", user, left=two_factor.recovery_codes_left(user))
    return method


@transaction.atomic
def renew_recovery_codes(user: User, *, session_id: UUID | None = None) -> list[str]:
    """Replace the recovery codes of the current user. Raises NotEnrolled."""
    codes = two_factor.renew_recovery_codes(user, session_id=session_id)
    _record_own("renew_recovery_codes", user)
    return codes


def _finish_enrolment(user: User, session_id: UUID | None) -> None:
    """Sessions that were opened without a second factor no longer have the rank, except the present one."""
    session_cache.mark_user(user.pk)
    if session_id:
        confirmation.prove_second_factor(user, session_id)


def _record_own(act: str, user: User, **detail: Any) -> None:
    if user.is_staff:
        record_staff_act(act, user, by=user.pk, **detail)


@transaction.atomic
def reset_two_factor(person: User, *, by: User, reason: str) -> None:
    """Remove all second factors of a user who lost them.

    Raises AdminRequired, NotYourOwn, CannotModerate, ReasonRequired, NotEnrolled.
    """
    require_admin(by)
    if by.pk == person.pk:
        raise NotYourOwn
    require_higher_rank(by, person)
    _reset(person)
    record_staff_act("reset_two_factor", person, by=by.pk, reason=require_reason(reason))


@transaction.atomic
def reset_by_operator(person: User, *, reason: str) -> None:
    """As `reset_two_factor`, from the command line. The record names the account itself as the actor and `operator`.

    Raises ReasonRequired, NotEnrolled.
    """
    _reset(person)
    record_staff_act("reset_two_factor", person, by=person.pk, reason=require_reason(reason), operator=True)


def _reset(person: User) -> None:
    if not two_factor.remove(person):
        raise two_factor.NotEnrolled
    two_factor.announce_reset(person)
    accounts.end_console_sessions(person.pk, reason=Session.EndReason.TWO_FACTOR_RESET)


# ── Roles ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def dismiss_by_operator(person: User, *, reason: str) -> None:
    """Take all roles from a member of staff. The record names the account itself as the actor and `operator`.

    Raises ReasonRequired, NotStaff.
    """
    ranks = sorted(person.ranks)
    if not roles.dismiss(person):
        raise NotStaff
    record_staff_act("dismiss", person, by=person.pk, reason=require_reason(reason), operator=True, roles=ranks)
