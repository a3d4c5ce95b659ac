"""Web Push (RFC 8030) with encrypted messages (RFC 8291) and VAPID (RFC 8292).

The endpoint is a URL that a user has given. It is called with these precautions: https only, all addresses of its host
are public, the connection goes to the address that was checked, redirects are not followed, the time is limited, and
the body of the response is not read.
"""

import ipaddress
import socket
import time
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import orjson
from django.conf import settings
from py_vapid import Vapid02
from pywebpush import WebPusher, WebPushException

from apps.notifications.channels import NowhereToGo, Undelivered
from apps.notifications.models import NotificationEvent, PushSubscription
from apps.notifications.wording import get_line

TIMEOUT_SECONDS = 5.0
KEPT_SECONDS = 24 * 3600
GONE = {404, 410}


class ForbiddenEndpoint(ValueError):
    """The endpoint is not https, or its address is not public."""


def is_possible(user_id: UUID) -> bool:
    return bool(settings.VAPID_PRIVATE_KEY) and PushSubscription.objects.filter(user=user_id).exists()


def public_key() -> str | None:
    """The `applicationServerKey` for a browser's subscription. None if push is not configured."""
    return settings.VAPID_PUBLIC_KEY or None


def send(event: NotificationEvent) -> None:
    """Send a message to every subscription of the recipient, and delete subscriptions that are gone.

    Raises NowhereToGo if no subscription is left, Undelivered if no push service accepted the message.
    """
    subscriptions = list(PushSubscription.objects.filter(user=event.recipient_id))
    if not subscriptions or not settings.VAPID_PRIVATE_KEY:
        raise NowhereToGo("no push subscription")
    message = orjson.dumps(
        {"id": str(event.notification_id), "type": event.notification.type, "text": get_line(event)},
    )
    failures = [failure for subscription in subscriptions if (failure := _push(subscription, message))]
    if len(failures) == len(subscriptions):
        if not PushSubscription.objects.filter(user=event.recipient_id).exists():
            raise NowhereToGo("every push subscription is gone")
        raise Undelivered(failures[0])


def _push(subscription: PushSubscription, message: bytes) -> str | None:
    """Returns the reason of the failure, if any."""
    try:
        address = public_address_of(subscription.endpoint)
        status = _post(subscription, address, message)
    except (ForbiddenEndpoint, WebPushException, ValueError) as error:
        subscription.delete()
        return f"unusable subscription: {type(error).__name__}"
    except (OSError, httpx.HTTPError) as error:
        return type(error).__name__
    if status in GONE:
        subscription.delete()
    return None if 200 <= status < 300 else f"status {status}"


def public_address_of(endpoint: str) -> str:
    """Returns the address to connect to. Raises ForbiddenEndpoint, or OSError if the name cannot be resolved."""
    parts = urlsplit(endpoint)
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
        raise ForbiddenEndpoint(endpoint)
    found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(ipaddress.ip_address(address).is_global for address in addresses):
        raise ForbiddenEndpoint(endpoint)
    return addresses[0]


def _post(subscription: PushSubscription, address: str, message: bytes) -> int:
    """Returns the status of the response. The host name and certificate are those of the endpoint, not of `address`."""
    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    encrypted = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(message)["body"]
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
            content=encrypted,
            headers=headers,
            extensions={"sni_hostname": url.host},
        ) as response,
    ):
        return response.status_code


def _vapid_headers(url: httpx.URL) -> dict[str, str]:
    claims = {
        "aud": f"https://{url.netloc.decode()}",
        "exp": int(time.time()) + 12 * 3600,
        "sub": settings.VAPID_SUBJECT,
    }
    signed: dict[str, str] = Vapid02.from_string(settings.VAPID_PRIVATE_KEY).sign(claims)
    return signed
