"""The session of a browser: a signed cookie that names an `accounts.Session`, which is checked at every request.

The row is the same that devices of the API have, so it is listed, revoked and ended like theirs.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token

from apps.accounts import services, session_cache
from apps.accounts.models import Session, User
from apps.core.db.ids import parse_id

_SIGNER = signing.TimestampSigner(salt="photogram.web.session")
# Key in `request.META` of what `read_session` returned.
META_KEY = "photogram.web_session"
# A cookie that is older is replaced, and its session is extended.
RENEW_AFTER = timedelta(days=1)


@dataclass(frozen=True)
class WebSession:
    """What `request.auth` is for a signed-in browser. `is_old`: the cookie is due for renewal."""

    user_id: UUID
    session_id: UUID
    is_old: bool = False


def read_session(request: HttpRequest) -> tuple[User, WebSession] | None:
    """The account and the session that the cookie names, if the session is live and the account is active or
    suspended."""
    session = _parse(request.COOKIES.get(settings.WEB_SESSION_COOKIE, ""))
    if session is None:
        return None
    user = session_cache.get_user(session.user_id, session.session_id)
    return (user, session) if user else None


def session_id_of(request: HttpRequest) -> UUID:
    """The session of the browser, for views of members only."""
    session: WebSession = request.auth  # type: ignore[attr-defined]
    return session.session_id


def cookie_value(user_id: UUID, session_id: UUID) -> str:
    """What the browser of this session keeps."""
    return _SIGNER.sign(f"{user_id}.{session_id}")


def set_cookie(response: HttpResponse, user_id: UUID, session_id: UUID) -> None:
    """Sign the browser in."""
    response.set_cookie(
        settings.WEB_SESSION_COOKIE,
        cookie_value(user_id, session_id),
        max_age=settings.REFRESH_TOKEN_LIFETIME,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def set_cookie_of(response: HttpResponse, session: Session) -> None:
    """Sign the browser in with a session that was just opened."""
    set_cookie(response, session.user_id, session.pk)


def sign_in(request: HttpRequest, response: HttpResponse, session: Session) -> None:
    """Sign the browser in with a session that was just opened, and end the session that it had."""
    former: WebSession | None = getattr(request, "auth", None)
    if former:
        services.end_session(former.user_id, former.session_id, reason=Session.EndReason.SIGNED_OUT)
    # As Django does: who has had a page of the anonymous browser does not know the token of the signed-in one.
    rotate_token(request)
    set_cookie_of(response, session)


def sign_out(request: HttpRequest, response: HttpResponse) -> None:
    """End the session of the browser."""
    session: WebSession | None = getattr(request, "auth", None)
    if session:
        services.end_session(session.user_id, session.session_id, reason=Session.EndReason.SIGNED_OUT)
    delete_cookie(response)


def delete_cookie(response: HttpResponse) -> None:
    # Browsers ignore the deletion of a __Host- cookie that is not secure.
    response.set_cookie(
        settings.WEB_SESSION_COOKIE,
        "",
        max_age=0,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def renew(response: HttpResponse, session: WebSession) -> None:
    """Extend the session and its cookie."""
    services.extend_web_session(session.session_id)
    set_cookie(response, session.user_id, session.session_id)


def _parse(cookie: str) -> WebSession | None:
    try:
        value = _SIGNER.unsign(cookie, max_age=settings.REFRESH_TOKEN_LIFETIME)
    except signing.BadSignature:
        return None
    ids = [parse_id(part) for part in value.split(".")]
    if len(ids) != 2 or None in ids:
        return None
    user_id, session_id = cast(list[UUID], ids)
    return WebSession(user_id, session_id, is_old=_is_old(cookie))


def _is_old(cookie: str) -> bool:
    try:
        _SIGNER.unsign(cookie, max_age=RENEW_AFTER)
    except signing.SignatureExpired:
        return True
    return False
