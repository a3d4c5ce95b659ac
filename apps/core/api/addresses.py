"""The client's address, read through a configured number of proxies and no further."""

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from apps.core.ops.addresses import report_unreadable

# An address with a port: 198.51.100.1:40001, [2001:db8::1]:443, or [2001:db8::1] without one.
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([^\[\]]+)\](?::[0-9]{1,5})?")
# Gateways between IPv4 and IPv6 write IPv4 addresses in these networks (RFC 6052, RFC 7915).
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "::ffff:0:0:0/96")))
# Key in `request.META`, which DRF's request shares with Django's: an address is read and counted once per request.
_READ = "photogram.client_address"


def client_address(request: HttpRequest | Request) -> str | None:
    """The address that the outermost trusted proxy saw; with TRUSTED_PROXIES = 0, the peer's own. None if it cannot be
    read: such requests are counted, and the system check reports them.

    A forged X-Forwarded-For only adds entries to the left of those that the trusted proxies append.
    """
    if _READ not in request.META:
        request.META[_READ] = _read(request)
    address: str | None = request.META[_READ]
    return address


def client_network(request: HttpRequest | Request) -> str | None:
    """The network by which anonymous requests are counted: the IPv4 address, or the IPv6 network of
    RATE_LIMIT_IPV6_PREFIX bits, of which a single client has all addresses. None if the address cannot be read."""
    address = client_address(request)
    if address is None or ":" not in address:
        return address
    return str(ipaddress.ip_network((address, settings.RATE_LIMIT_IPV6_PREFIX), strict=False))


def parse_address(text: str) -> str | None:
    """The address in canonical form, without port, brackets and zone. An IPv6 address that stands for an IPv4 address
    becomes that. None for other text."""
    text = text.strip().strip('"')
    if with_port := _WITH_PORT.fullmatch(text):
        text = with_port[1] or with_port[2]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(_embedded_ipv4(address) or address)


def _embedded_ipv4(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv4-mapped or translated IPv6 address stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if any(address in network for network in _TRANSLATED):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped


def _read(request: HttpRequest | Request) -> str | None:
    hops = [hop.strip() for hop in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    text = hops[-trusted] if trusted and len(hops) >= trusted else str(request.META.get("REMOTE_ADDR", ""))
    address = parse_address(text)
    if address is None:
        report_unreadable(text)
    return address
