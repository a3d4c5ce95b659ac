"""Console sessions are sessions: they are listed, revoked and ended like those of the API.

The Django session of the browser holds the id of an `accounts.Session`, and is worthless once that has ended.
"""

from typing import Any
from uuid import UUID

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.deprecation import MiddlewareMixin

from apps.accounts import services
from apps.accounts.api.clients import describe_client
from apps.accounts.models import Session, User
from apps.core.api.console import is_console
from apps.core.db.ids import parse_id

# Key in the Django session.
SESSION_ID = "session_id"


@receiver(user_logged_in)
def open_session(*, request: HttpRequest, user: User, **_: Any) -> None:
    # Set by the login form after it has checked the code.
    two_factor: bool = getattr(user, "has_second_factor", False)
    if session := services.open_console_session(user, two_factor=two_factor, **describe_client(request)):
        request.session[SESSION_ID] = str(session.pk)


@receiver(user_logged_out)
def end_session(*, request: HttpRequest, user: User | None, **_: Any) -> None:
    session_id = parse_id(request.session.get(SESSION_ID, ""))
    if user and session_id:
        services.end_session(user.pk, session_id, reason=Session.EndReason.SIGNED_OUT)


class ConsoleSessionMiddleware(MiddlewareMixin):
    """Signs a browser out whose session has ended, or whose user is no longer staff."""

    def process_request(self, request: HttpRequest) -> None:
        if not is_console(request) or not request.user.is_authenticated:
            return
        session_id = parse_id(request.session.get(SESSION_ID, ""))
        # Annotated by the authentication backend (`backends.py`).
        live: list[UUID] = getattr(request.user, "console_sessions", [])
        recent: list[UUID] = getattr(request.user, "recent_console_sessions", [])
        if not request.user.is_staff or session_id not in live:
            logout(request)
        elif session_id and session_id not in recent:
            services.record_use(session_id)
