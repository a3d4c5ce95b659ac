"""Deliveries by push and mail: recipients, retries and refused addresses."""

import base64
import io
import socket
import threading
from datetime import timedelta

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.core.management import call_command
from django.utils import timezone

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.engagement import services as engagement
from apps.notifications import deliveries, push, sync
from apps.notifications.models import Delivery, PushSubscription
from apps.social import services as social
from tests.factories import PostFactory

pytestmark = pytest.mark.django_db
ENDPOINT = "https://push.example/send/1"
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

    def public(host, *args, flags=0, **kwargs):
        if str(host).endswith(".example") and flags != socket.AI_NUMERICHOST:
            return [(0, 0, 0, "", ("93.184.215.14", 443))]
        return resolve(host, *args, flags=flags, **kwargs)

    monkeypatch.setattr(push.socket, "getaddrinfo", public)
    return Service


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


def subscribe(api, who, keys, endpoint=ENDPOINT):
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
        # Carol has signed in to the same browser.
        assert subscribe(api, carol, keys).status_code == 200
        assert PushSubscription.objects.get().user == carol

    def test_endpoint_is_not_taken_over_without_the_keys_of_its_browser(self, api, service, keys, alice, carol):
        subscribe(api, alice, keys)
        for changed in ({"auth": "A" * 22}, {"p256dh": "B" * 87}):
            answer = subscribe(api, carol, keys | changed)
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_endpoint")
        kept = PushSubscription.objects.get()
        assert (kept.user, kept.auth, kept.p256dh) == (alice, keys["auth"], keys["p256dh"])
        # The owner may renew the keys.
        assert subscribe(api, alice, keys | {"auth": "A" * 22}).status_code == 200
        assert PushSubscription.objects.get().auth == "A" * 22

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
            "https://push.example:0/1",
            "https://push.example:80/1",
            "https://push.example:22/1",
            "https://@push.example/1",
            "https://0x7f000001/1",
            "https://127.1/1",
            "https://localhost./1",
            "https://api.localhost/1",
            "https://postgres/1",
            "https://metadata.google.internal/1",
            "https://224.0.0.1/1",
            "https://239.255.255.250/1",
            "https://255.255.255.255/1",
            "https://[ff02::1]/1",
            "https://[ff0e::1]/1",
            "https://[::]/1",
            "https://[::127.0.0.1]/1",
            "https://[::8.8.8.8]/1",
            "https://[::ffff:127.0.0.1]/1",
            "https://[::ffff:8.8.8.8]/1",
            "https://[::ffff:0:8.8.8.8]/1",
            "https://[64:ff9b::a9fe:a9fe]/1",
            "https://[64:ff9b::8.8.8.8]/1",
            "https://[64:ff9b:1::8.8.8.8]/1",
            "https://[2002:7f00:1::]/1",
            "https://[2002:808:808::1]/1",
            "https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/1",
            "https://[fc00::1]/1",
            "https://[fec0::1]/1",
            "https://[fe80::1%25eth0]/1",
            "https://[2001:db8::1]/1",
            "https://[3fff::1]/1",
            "https://192.88.99.1/1",
            "https://192.0.0.8/1",
            "https://[v1.x]/1",
            "https://a.local\u3002/1",
            "https://a.ｌｏｃａｌ/1",
            "https://push.example\u00ad/1",
            "https://push\t.example/1",
            "https://push.example/1\n",
            "https://push.example/\u2028",
            "https://127.0.0.1%00.push.example/1",
            "https://0177.0.0.1/1",
            "https://127.0.0.1./1",
            "https://8.8.8.8./1",
            "https://134744072/1",
            "https://8.8.8/1",
            "https://010.8.8.8/1",
            "https://08.8.8.8/1",
            "https://256.256.256.256/1",
            "https://push.0x7f/1",
            "https://[2a00:1450::127.0.0.1]/1",
            "https://[2a00:1450::5efe:7f00:1]/1",
            "https://[2a00:1450::200:5efe:7f00:1]/1",
            "https://printer.lan/1",
            "https://localhost.localdomain/1",
            "https://1.0.0.127.in-addr.arpa/1",
            "https://hidden.onion/1",
        ],
    )
    def test_endpoint_that_is_not_https_or_not_public_is_refused(self, api, service, keys, alice, endpoint):
        answer = subscribe(api, alice, keys, endpoint)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "invalid_endpoint")

    @pytest.mark.promise("I5")
    @pytest.mark.parametrize(
        "endpoint",
        [
            "https://push.example/1",
            "https://push.example:443/1",
            "https://push.example:8443/1",
            "HTTPS://xn--mnchen-3ya.example:/1?a=%20|#b",
            "https://8.8.8.8/1",
            "https://[2a00:1450:4001:82b::200e]:8443/1",
        ],
    )
    def test_public_endpoint_is_accepted_without_looking_up_its_name(self, api, keys, alice, monkeypatch, endpoint):
        look_up = socket.getaddrinfo

        def numbers_only(host, port, *args, flags=0, **kwargs):
            assert flags & socket.AI_NUMERICHOST, "a name was looked up"
            return look_up(host, port, *args, flags=flags, **kwargs)

        monkeypatch.setattr(push.socket, "getaddrinfo", numbers_only)
        assert subscribe(api, alice, keys, endpoint).status_code == 201

    @pytest.mark.promise("I5")
    @pytest.mark.parametrize(
        "address",
        ["::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1", "224.0.0.1", "::8.8.8.8", "2a00:1450::5efe:7f00:1"],
    )
    def test_name_is_not_called_if_one_of_its_addresses_is_not_public(self, monkeypatch, address):
        monkeypatch.setattr(push, "_resolve", lambda host: ["93.184.215.14", address])
        with pytest.raises(push.ForbiddenEndpoint):
            push.resolve_endpoint("https://push.example/1")

    @pytest.mark.promise("I5")
    def test_name_server_that_does_not_answer_fails_the_attempt_in_time(
        self, api, deliver, vapid, service, keys, alice, carol, post, monkeypatch
    ):
        subscribe(api, alice, keys)
        answered, look_up = threading.Event(), socket.getaddrinfo

        def wait(host, *args, flags=0, **kwargs):
            if host != "push.example" or flags:
                return look_up(host, *args, flags=flags, **kwargs)
            answered.wait(10)
            return []

        monkeypatch.setattr(push, "RESOLVE_SECONDS", 0.05)
        monkeypatch.setattr(push.socket, "getaddrinfo", wait)
        engagement.like(post.pk, by=carol.pk)
        deliver()
        answered.set()
        assert (Delivery.objects.get().status, Delivery.objects.get().error) == ("pending", "TimeoutError")
        assert PushSubscription.objects.exists()

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


class TestSessionsOfPush:
    """A browser receives messages as long as the session that subscribed."""

    @pytest.fixture
    def like(self, deliver, vapid, service, carol, post):
        """`like()`: the number of messages that the author of the post receives."""

        def like():
            engagement.like(post.pk, by=carol.pk)
            deliver()
            return len(service.posted)

        return like

    @pytest.mark.parametrize("end", ["revoke", "password", "expire", "suspend"])
    def test_no_message_after_the_session_has_ended(self, end, api, like, keys, alice, mod):
        client = api(alice)
        assert client.post("/notifications/push-subscriptions", {"endpoint": ENDPOINT, "keys": keys}).status_code == 201
        session = client.login
        if end == "revoke":
            accounts.end_session(alice.pk, session.pk)
        elif end == "password":
            accounts.end_all_sessions(alice.pk, reason="password_changed")
        elif end == "expire":
            type(session).objects.filter(pk=session.pk).update(expires_at=timezone.now())
        else:
            body = {"reason": "Spam.", "category": "spam"}
            assert api(mod).post(f"/moderation/users/{alice.pk}/suspend", body).status_code == 200
        assert not push.is_possible(alice.pk)
        if end != "suspend":
            assert like() == 0

    def test_another_session_of_the_user_does_not_matter(self, api, like, keys, alice):
        subscribe(api, alice, keys)
        accounts.end_session(alice.pk, api(alice).login.pk)
        assert like() == 1

    def test_signing_in_again_on_the_same_browser_subscribes_again(self, api, like, keys, alice):
        client = api(alice)
        client.post("/notifications/push-subscriptions", {"endpoint": ENDPOINT, "keys": keys})
        accounts.end_session(alice.pk, client.login.pk)
        assert api(alice).get("/notifications/push-subscriptions").json()["results"] == []
        assert subscribe(api, alice, keys, ENDPOINT).status_code == 200
        assert like() == 1

    def test_subscription_of_an_earlier_release_lasts(self, like, keys, alice):
        PushSubscription.objects.create(user=alice, endpoint=ENDPOINT, **keys)
        assert like() == 1
