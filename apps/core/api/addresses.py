"""The client's address, through a configured number of proxies and no further."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def client_address(request: HttpRequest | Request) -> str:
    """The address that the outermost trusted proxy saw; with TRUSTED_PROXIES = 0, the peer's own.

    A forged X-Forwarded-For only adds entries to the left of those that our proxies append.
    """
    peer = str(request.META.get("REMOTE_ADDR", ""))
    hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    candidate = hops[-trusted] if trusted and len(hops) >= trusted else peer
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return peer
