"""A browser without JavaScript: Django's test client with the cookie of a session."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from apps.accounts import services
from apps.accounts.models import Session, User
from apps.web import sessions


def cookie_of(user: User) -> str:
    """The value of the cookie of a new browser session."""
    response = HttpResponse()
    sessions.set_cookie_of(response, services.open_session(user, kind=Session.Kind.WEB))
    return response.cookies[settings.WEB_SESSION_COOKIE].value


class Browser(Client):
    """Accepts HTML, and is signed in as a user or anonymous (None)."""

    def __init__(self, user: User | None = None, **options: Any) -> None:
        super().__init__(headers={"Accept": "text/html"}, **options)
        if user:
            self.cookies[settings.WEB_SESSION_COOKIE] = cookie_of(user)

    def htmx(self, method: str, path: str, data: Any = None) -> Any:
        """A request as htmx sends it for a part of a page."""
        return getattr(self, method)(path, data, headers={"HX-Request": "true"})


@pytest.fixture
def browse() -> Callable[[User | None], Browser]:
    """`browse(alice).get("/")`; `browse(None)` is anonymous."""
    return lambda user=None: Browser(user)
