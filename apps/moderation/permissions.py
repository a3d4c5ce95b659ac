"""What staff do besides deciding, and is written down: reading what is private of somebody, and the second factor."""

import ipaddress

from django.db import transaction
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import session_cache, two_factor
from apps.accounts.models import Session, User
from apps.accounts.services import InvalidCredentials
from apps.core.errors import BadRequest, Forbidden
from apps.moderation.audit import records as trail
from apps.moderation.roles import require_may_change_rules

# Of somebody's sessions, the newest: as many as a page shows.
SESSIONS = 100


class ReasonRequired(BadRequest):
    code, title = "reason_required", "Say why you need to see it; the reason is kept."


class AdminRequired(Forbidden):
    code, title = "admin_required", "Only admins may do that."


class NotYourOwn(Forbidden):
    code, title = "not_your_own", "Another admin has to do that for you, or an operator."


# ── What is private ──────────────────────────────────────────────────────────────────────────────────────
def masked_email(email: str) -> str:
    """Enough to recognize it: `a***@e***.org`."""
    name, _, domain = email.partition("@")
    host, dot, ending = domain.rpartition(".")
    return f"{name[:1]}***@{host[:1]}***{dot}{ending}" if dot else f"{name[:1]}***@***"


def masked_address(address: str | None) -> str:
    """The network that it is in: the last octet is hidden, or what follows the first 48 bits."""
    if not address:
        return ""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"{address.rpartition('.')[0]}.***"
    return f"{ipaddress.ip_network((int(parsed) >> 80 << 80, 48)).network_address}/48"


@transaction.atomic
def read_email(person: User, *, by: User, reason: str) -> str:
    """The address in full. Raises SeniorModeratorRequired, AdminRequired, ReasonRequired."""
    _require_sight(person, by)
    trail.note("read_email", person, by=by.pk, reason=_given(reason))
    return person.email


@transaction.atomic
def read_sessions(person: User, *, by: User, reason: str) -> list[Session]:
    """The newest sessions, with addresses and devices in full. Raises as `read_email`."""
    _require_sight(person, by)
    sessions = list(Session.objects.owned_by(person.pk).order_by("-id")[:SESSIONS])
    trail.note("read_sessions", person, by=by.pk, reason=_given(reason), sessions=len(sessions))
    return sessions


@transaction.atomic
def look_at_session(session: Session, *, by: User) -> None:
    """That somebody opened a session's page, where its address is masked. Raises SeniorModeratorRequired,
    AdminRequired."""
    _require_sight(session.user, by)
    trail.note("read_sessions", session.user, by=by.pk, session=str(session.pk), masked=True)


def _require_sight(person: User, by: User) -> None:
    require_may_change_rules(by)
    if "admin" in person.roles and "admin" not in by.roles:
        raise AdminRequired


def _given(reason: str) -> str:
    if not reason.strip():
        raise ReasonRequired
    return reason.strip()


# ── Two-factor ───────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def enrol(user: User, *, code: str) -> tuple[TOTPDevice, list[str]]:
    """Somebody of staff sets up their own. Raises as `two_factor.confirm`."""
    device, codes = two_factor.confirm(user, code)
    # Sessions of the API that were opened without a code carry the rank no longer.
    session_cache.mark_user(user.pk)
    trail.note("enrol_two_factor", user, by=user.pk)
    return device, codes


@transaction.atomic
def show_second_factor(session: Session, *, code: str) -> None:
    """A session of the API that has just been opened may act by its owner's rank. Who has set up nothing shows nothing.
    Raises InvalidCredentials: who guesses does not learn that the password was right."""
    if two_factor.device_of(session.user) is None:
        return
    if accept(session.user, code) is None:
        raise InvalidCredentials
    session.two_factor = True
    session.save(update_fields=["two_factor"])


@transaction.atomic
def accept(user: User, code: str) -> TOTPDevice | None:
    """As `two_factor.accept`. That a recovery code was used is written down: it may be its owner without the telephone,
    or somebody who has found the list."""
    device = two_factor.accept(user, code)
    if device and two_factor.is_recovery_code(code):
        trail.note("use_recovery_code", user, by=user.pk, left=two_factor.recovery_codes_left(user))
    return device


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """One's own. Raises NotEnrolled."""
    codes = two_factor.renew_recovery_codes(user)
    trail.note("renew_recovery_codes", user, by=user.pk)
    return codes


@transaction.atomic
def reset_two_factor(person: User, *, by: User, reason: str) -> None:
    """Somebody has lost app and codes: they set it up anew. Raises AdminRequired, NotYourOwn, ReasonRequired,
    NotEnrolled."""
    if "admin" not in by.roles:
        raise AdminRequired
    if by.pk == person.pk:
        raise NotYourOwn
    _reset(person)
    trail.note("reset_two_factor", person, by=by.pk, reason=_given(reason))


@transaction.atomic
def reset_by_operator(person: User, *, reason: str) -> None:
    """From the command line, where nobody is signed in: the trail names the account itself, and says so. Raises
    ReasonRequired, NotEnrolled."""
    _reset(person)
    trail.note("reset_two_factor", person, by=person.pk, reason=_given(reason), operator=True)


def _reset(person: User) -> None:
    if not two_factor.remove(person):
        raise two_factor.NotEnrolled
    session_cache.mark_user(person.pk)
