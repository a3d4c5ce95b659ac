"""Web Push (RFC 8030) with encrypted messages (RFC 8291) and VAPID (RFC 8292).

The endpoint is a URL that a user has given, and only a worker looks up its host name. It is called with these
precautions: https on PORTS only, all addresses of its host are public, the connection goes to the address that was
checked, redirects are not followed, the time is limited, and the body of the response is not read.
"""

import importlib
import ipaddress
import queue
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import httpx
import orjson
from django.conf import settings
from py_vapid import Vapid02

from apps.core.hosts import is_public_name
from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import NotificationEvent, PushSubscription
from apps.notifications.wording import get_line

TIMEOUT_SECONDS = 5.0
RESOLVE_SECONDS = 2.0
PORTS = {443, 8443}
# A URL as browsers serialise it: names in ASCII (international ones in Punycode), no white space, no user name.
_URL = re.compile(r"https://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]*)?(?:[/?#][!-~]*)?", re.ASCII | re.IGNORECASE)
# Global unicast addresses (RFC 4291), without those that lead to an IPv4 address: Teredo and 6to4. The IPv4-mapped and
# -compatible addresses and NAT64 are not among them.
_UNICAST = ipaddress.ip_network("2000::/3")
_TUNNELS = (ipaddress.ip_network("2001::/32"), ipaddress.ip_network("2002::/16"))
# Networks of the registries for special purposes of IANA that `is_global` does not know in every version of Python:
# protocol assignments, 6to4 relays (RFC 7526), and documentation (RFC 9637).
_SPECIAL = tuple(map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")))
# How the interface part of an ISATAP address begins, whose end is an IPv4 address (RFC 5214).
_ISATAP = (0x00005EFE, 0x02005EFE)
KEPT_SECONDS = 24 * 3600
GONE = {404, 410}


class ForbiddenEndpoint(ValueError):
    """The endpoint is not https on one of PORTS, or its host is not public."""


def is_possible(user_id: UUID) -> bool:
    return bool(settings.VAPID_PRIVATE_KEY) and PushSubscription.objects.owned_by(user_id).live().exists()


def public_key() -> str | None:
    """The `applicationServerKey` for a browser's subscription. None if push is not configured."""
    return settings.VAPID_PUBLIC_KEY or None


def send(event: NotificationEvent) -> None:
    """Send a message to every live subscription of the recipient, and delete subscriptions that are gone.

    Raises NowhereToGo if no subscription is left, Undelivered if no push service accepted the message.
    """
    subscriptions = list(PushSubscription.objects.owned_by(event.recipient_id).live())
    if not subscriptions or not settings.VAPID_PRIVATE_KEY:
        raise NowhereToGo("no push subscription")
    message = orjson.dumps(
        {"id": str(event.notification_id), "type": event.notification.type, "text": get_line(event)},
    )
    failures = [failure for subscription in subscriptions if (failure := _push(subscription, message))]
    if len(failures) == len(subscriptions):
        if not PushSubscription.objects.owned_by(event.recipient_id).live().exists():
            raise NowhereToGo("every push subscription is gone")
        raise Undelivered(failures[0])


def _push(subscription: PushSubscription, message: bytes) -> str | None:
    """Returns the reason of the failure, if any."""
    try:
        address = resolve_endpoint(subscription.endpoint)
        status = _post(subscription, address, message)
    except (ForbiddenEndpoint, httpx.InvalidURL, ValueError) as error:
        subscription.delete()
        return f"unusable subscription: {type(error).__name__}"
    except (OSError, httpx.HTTPError) as error:
        return type(error).__name__
    if status in GONE:
        subscription.delete()
    return None if 200 <= status < 300 else f"status {status}"


def check_endpoint(endpoint: str) -> SplitResult:
    """The parts of an endpoint. Looks up no name. Raises ForbiddenEndpoint, or ValueError for a malformed URL."""
    if not _URL.fullmatch(endpoint):
        raise ForbiddenEndpoint(endpoint)
    parts = urlsplit(endpoint)
    if (443 if parts.port is None else parts.port) not in PORTS:
        raise ForbiddenEndpoint(endpoint)
    name = str(parts.hostname)
    try:
        # Numbers in any notation, such as 2130706433 for 127.0.0.1.
        addresses = _addresses(socket.getaddrinfo(name, None, flags=socket.AI_NUMERICHOST))
    except OSError:
        is_allowed = is_public_name(name)
    else:
        # Browsers write an address in its canonical form.
        is_allowed = {name} == {*addresses} and _is_public(name)
    if not is_allowed:
        raise ForbiddenEndpoint(endpoint)
    return parts


def resolve_endpoint(endpoint: str) -> str:
    """The address to connect to. Raises ForbiddenEndpoint, ValueError, or OSError if the name cannot be resolved within
    RESOLVE_SECONDS."""
    addresses = _resolve(str(check_endpoint(endpoint).hostname))
    if not addresses or not all(map(_is_public, addresses)):
        raise ForbiddenEndpoint(endpoint)
    return addresses[0]


def _resolve(host: str) -> list[str]:
    """The addresses of a host name. Raises OSError.

    The system's resolver has no deadline and cannot be interrupted, so it runs in a thread of its own, which ends when
    the resolver gives up.
    """
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            answers.put(_addresses(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            answers.put(error if isinstance(error, OSError) else OSError(str(error)))

    threading.Thread(target=look_up, name="push-resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=RESOLVE_SECONDS)
    except queue.Empty:
        raise TimeoutError(f"no answer for {host} within {RESOLVE_SECONDS:.0f} s") from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _addresses(found: list[Any]) -> list[str]:
    """The addresses in a result of `getaddrinfo`."""
    return [str(entry[4][0]) for entry in found]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text)
    if any(address in network for network in _SPECIAL):
        return False
    if isinstance(address, ipaddress.IPv6Address):
        is_tunnel = any(address in tunnel for tunnel in _TUNNELS)
        is_isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
        return address.is_global and address in _UNICAST and not (is_tunnel or is_isatap)
    return address.is_global and not address.is_multicast


def _post(subscription: PushSubscription, address: str, message: bytes) -> int:
    """Returns the status of the response. The host name and certificate are those of the endpoint, not of `address`."""
    url = httpx.URL(subscription.endpoint)
    headers = _vapid_headers(url) | {
        "Host": url.netloc.decode(),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(KEPT_SECONDS),
    }
    with (
        httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream(
            "POST",
            url.copy_with(host=address),
            content=_encrypted(subscription, message),
            headers=headers,
            extensions={"sni_hostname": url.host},
        ) as response,
    ):
        return response.status_code


def _encrypted(subscription: PushSubscription, message: bytes) -> bytes:
    """Raises ValueError if the keys of the subscription are malformed."""
    # Not at the top: pywebpush imports two HTTP clients, which need 10 MB in each process, and only some workers send.
    pywebpush = importlib.import_module("pywebpush")
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    try:
        body: bytes = pywebpush.WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(message)["body"]
    except pywebpush.WebPushException as error:
        raise ValueError(str(error)) from error
    return body


def _vapid_headers(url: httpx.URL) -> dict[str, str]:
    claims = {
        "aud": f"https://{url.netloc.decode()}",
        "exp": int(time.time()) + 12 * 3600,
        "sub": settings.VAPID_SUBJECT,
    }
    signed: dict[str, str] = Vapid02.from_string(settings.VAPID_PRIVATE_KEY).sign(claims)
    return signed
