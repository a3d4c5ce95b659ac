"""What a session records of the client that opened it."""

from typing import TypedDict

from django.http import HttpRequest
from rest_framework.request import Request

from apps.core.api.addresses import client_address


class Client(TypedDict):
    """`address` is None if it cannot be read."""

    address: str | None
    user_agent: str


def describe_client(request: HttpRequest | Request) -> Client:
    """The address and the user agent, as arguments of `complete_sign_in` and `open_console_session` of the services."""
    user_agent = "".join(c for c in request.headers.get("User-Agent", "") if c.isprintable())
    return Client(address=client_address(request), user_agent=user_agent)
