"""Deliveries by push and mail: recipients, retries and refused addresses."""

import base64
import io
import socket
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from apps.accounts.models import User
from apps.engagement import services as engagement
from apps.notifications import deliveries, push, sync
from apps.notifications.models import Delivery, PushSubscription
from apps.social import services as social
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db
EMAIL_ONLY = {"in_app": True, "push": False, "email": True}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def keys():
    public = ec.generate_private_key(ec.SECP256R1()).public_key()
    point = public.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return {"p256dh": encoded(point), "auth": encoded(b"0123456789abcdef")}


@pytest.fixture
def vapid(settings):
    printed = io.StringIO()
    call_command("make_vapid_keys", stdout=printed)
    for line in printed.getvalue().split():
        name, _, value = line.partition("=")
        setattr(settings, name, value)
    return settings


@pytest.fixture
def service(monkeypatch):
    """A push service that keeps the requests. All names resolve to a public address. It answers `service.status`."""

    class Service:
        status = 201
        posted: list[httpx.Request] = []

    def answer(request):
        Service.posted.append(request)
        return httpx.Response(Service.status)

    Service.posted = []
    client = httpx.Client
    monkeypatch.setattr(push.httpx, "Client", lambda **given: client(transport=httpx.MockTransport(answer), **given))
    resolve = socket.getaddrinfo

    def public(host, *args, **kwargs):
        known = str(host).endswith(".example")
        return [(0, 0, 0, "", ("93.184.215.14", 443))] if known else resolve(host, *args, **kwargs)

    monkeypatch.setattr(push.socket, "getaddrinfo", public)
    return Service


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


def subscribe(api, who, keys, endpoint="https://push.example/send/1"):
    return api(who).post("/notifications/push-subscriptions", {"endpoint": endpoint, "keys": keys})


class TestMail:
    @pytest.fixture
    def mail_enabled(self, api, alice):
        User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now())
        api(alice).put("/notifications/preferences", {"like": EMAIL_ONLY})

    @pytest.mark.promise("R2")
    def test_mail_is_sent_once_to_a_user_who_chose_it(self, deliver, mail_enabled, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        deliver()
        [sent] = mail.outbox
        assert (sent.to, sent.subject) == (["alice@example.org"], "@carol likes your photo.")
        for _ in range(2):
            deliveries.deliver(Delivery.objects.get().pk)
        assert len(mail.outbox) == 1
        assert Delivery.objects.get().status == "sent"

    @pytest.mark.promise("R2")
    def test_repeated_mail_has_the_same_message_id(self, deliver, mail_enabled, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        deliver()
        Delivery.objects.update(status="pending", next_attempt_at=timezone.now())
        deliveries.deliver(Delivery.objects.get().pk)
        ids = [sent.message()["Message-ID"] for sent in mail.outbox]
        assert ids == [f"<notification-{Delivery.objects.get().event_id}@photogram.example>"] * 2

    def test_mail_is_not_sent_to_an_unconfirmed_address(self, api, deliver, alice, carol, post):
        api(alice).put("/notifications/preferences", {"like": EMAIL_ONLY})
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert mail.outbox == []
        assert Delivery.objects.get().status == "dropped"

    def test_mail_is_not_sent_by_default(self, deliver, alice, carol, post):
        User.objects.update(email_verified_at=timezone.now())
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert mail.outbox == []

    @pytest.mark.promise("P5")
    def test_mail_about_an_actor_blocked_meanwhile_is_not_sent(self, deliver, mail_enabled, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        sync.sync_like_notification(post.pk, carol.pk)
        social.block(carol.pk, by=alice.pk)
        deliver()
        assert mail.outbox == []

    def test_failing_mail_is_attempted_five_times_and_recorded(self, deliver, mail_enabled, carol, post, settings):
        settings.EMAIL_BACKEND = "tests.notifications.test_deliveries.Broken"
        engagement.like(post.pk, by=carol.pk)
        deliver()
        for attempt in range(1, 6):
            delivery = Delivery.objects.get()
            assert delivery.attempts == attempt
            assert delivery.error == "no route"
            Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
            deliveries.enqueue_due()
            deliver()
        assert Delivery.objects.get().status == "failed"


def test_type_disabled_in_app_is_not_listed(api, deliver, alice, carol, post):
    disabled = {"in_app": False, "push": False, "email": False}
    shown = api(alice).put("/notifications/preferences", {"like": disabled}).json()
    assert shown["like"] == disabled
    assert shown["follow"] == {"in_app": True, "push": True, "email": False}
    engagement.like(post.pk, by=carol.pk)
    deliver()
    assert api(alice).get("/notifications").json()["results"] == []
    moderation = api(alice).put("/notifications/preferences", {"moderation": disabled}).json()["moderation"]
    assert moderation["in_app"] is True


class TestPush:
    def test_message_is_encrypted_signed_and_sent_to_the_checked_address(
        self, api, deliver, vapid, service, keys, alice, carol, post
    ):
        made = subscribe(api, alice, keys)
        assert (made.status_code, subscribe(api, alice, keys).status_code) == (201, 200)
        engagement.like(post.pk, by=carol.pk)
        deliver()
        [request] = service.posted
        assert request.url.host == "93.184.215.14"
        assert request.headers["Host"] == "push.example"
        assert request.extensions["sni_hostname"] == "push.example"
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert request.headers["Authorization"].startswith("vapid ")
        assert b"carol" not in request.content
        assert len(request.content) < 4096
        assert Delivery.objects.get().status == "sent"

    def test_endpoint_has_one_subscription_of_its_last_owner(self, api, vapid, service, keys, alice, carol):
        made, again = subscribe(api, alice, keys), subscribe(api, alice, keys)
        assert made.json() == again.json()
        assert PushSubscription.objects.get().user == alice
        subscribe(api, carol, keys)
        assert PushSubscription.objects.get().user == carol

    @pytest.mark.parametrize("status", [404, 410])
    def test_subscription_that_is_gone_is_deleted(self, api, deliver, vapid, service, keys, alice, carol, post, status):
        subscribe(api, alice, keys)
        service.status = status
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert not PushSubscription.objects.exists()
        assert Delivery.objects.get().status == "dropped"

    def test_unavailable_push_service_is_retried(self, api, deliver, vapid, service, keys, alice, carol, post):
        subscribe(api, alice, keys)
        service.status = 503
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert (Delivery.objects.get().status, Delivery.objects.get().error) == ("pending", "status 503")
        service.status = 201
        Delivery.objects.update(next_attempt_at=timezone.now() - timedelta(minutes=1))
        deliveries.enqueue_due()
        deliver()
        assert Delivery.objects.get().status == "sent"

    @pytest.mark.promise("I5")
    @pytest.mark.parametrize(
        "endpoint",
        [
            "http://push.example/1",
            "https://127.0.0.1/1",
            "https://localhost/1",
            "https://[::1]/1",
            "https://10.0.0.1/1",
            "https://169.254.169.254/latest",
            "https://2130706433/1",
            "https://user:pw@push.example/1",
            "https://",
            "file:///etc/passwd",
            "x",
            "https://push.example:99999/1",
        ],
    )
    def test_endpoint_that_is_not_https_or_not_public_is_refused(self, api, service, keys, alice, endpoint):
        answer = subscribe(api, alice, keys, endpoint)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_endpoint")

    @pytest.mark.promise("I5")
    def test_address_that_has_become_private_is_not_called(
        self, api, deliver, vapid, service, keys, alice, carol, post, monkeypatch
    ):
        subscribe(api, alice, keys)
        monkeypatch.setattr(push.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.0.0.1", 443))])
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert service.posted == []
        assert not PushSubscription.objects.exists()

    @pytest.mark.promise("I5")
    def test_redirect_is_not_followed(self, api, deliver, vapid, service, keys, alice, carol, post):
        subscribe(api, alice, keys)
        service.status = 307
        engagement.like(post.pk, by=carol.pk)
        deliver()
        assert len(service.posted) == 1

    def test_subscription_is_listed_and_deleted_by_its_owner_only(self, api, vapid, service, keys, alice, carol):
        made = subscribe(api, alice, keys).json()
        listed = api(alice).get("/notifications/push-subscriptions").json()
        assert listed["results"] == [made]
        assert len(listed["vapid_public_key"]) == 87
        path = f"/notifications/push-subscriptions/{made['id']}"
        assert api(carol).delete(path).status_code == 404
        assert [api(alice).delete(path).status_code for _ in range(2)] == [204, 404]


class Broken:
    """A mail backend that always fails."""

    def __init__(self, **_):
        pass

    def send_messages(self, messages):
        raise OSError("no route")
