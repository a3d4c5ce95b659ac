import re
import unicodedata

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.core import mail
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from apps.accounts.models import User, WithheldHandle
from apps.core.text import is_blank
from apps.moderation import services as moderation
from tests.factories import PASSWORD, UserFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db


def sign_up(caller, **changes):
    return caller.post("/users", {"handle": "alice", "email": "alice@example.org", "password": PASSWORD} | changes)


def code(answer):
    return answer.json().get("code")


def field_codes(answer):
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def test_sign_up_returns_the_current_user(anonymous):
    me = sign_up(anonymous, handle="Alice", display_name="Alice 🐇").json()
    assert me["handle"] == "alice"
    assert me["display_name"] == "Alice 🐇"
    assert me["email_verified"] is False
    assert "password" not in me


def test_taken_handle_and_taken_email_have_different_codes(anonymous, alice):
    assert code(sign_up(anonymous, handle="ALICE", email="x@example.org")) == "handle_taken"
    taken = sign_up(anonymous, handle="other", email="ALICE@example.org")
    assert (taken.status_code, code(taken)) == (409, "email_taken")


@pytest.mark.promise("A6")
@pytest.mark.parametrize(
    "handle",
    [
        "al",
        "a" * 31,
        ".alice",
        "alice.",
        "al..ice",
        "al ice",
        "älice",
        "аlice",
        "admin",
        "adm1n",
        "supp0rt",
        "a.d.m.i.n",
        "me",
        "al\0ce",
    ],
)
def test_handles_that_break_the_rules_or_look_like_ours_are_refused(anonymous, handle):
    answer = sign_up(anonymous, handle=handle)
    assert answer.status_code == 400
    assert "handle" in field_codes(answer)


@pytest.mark.promise("A6")
def test_addresses_are_ascii_and_compared_without_case(anonymous, alice):
    assert sign_up(anonymous, handle="other", email="alıce@example.org").status_code == 400
    assert code(sign_up(anonymous, handle="other", email="Alice@Example.ORG")) == "email_taken"


def test_released_handle_cannot_be_taken_yet(anonymous, db):
    WithheldHandle.objects.create(handle="alice", until=timezone.now() + timezone.timedelta(days=1))
    assert code(sign_up(anonymous)) == "handle_taken"


@pytest.mark.promise("A9")
@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("short", False),
        ("password123", False),
        ("alice@example", False),
        ("🐇" * 8 + "x", True),
        (" leading and trailing ", True),
        ("x1" * 512, True),
        ("x1" * 512 + "y", False),
    ],
)
def test_passwords(anonymous, password, accepted):
    answer = sign_up(anonymous, password=password)
    assert (answer.status_code == 201) is accepted
    if accepted:
        signed_in = anonymous.post("/auth/token", {"login": "alice", "password": password})
        assert signed_in.status_code == 200


@pytest.mark.promise("A9")
def test_a_password_too_long_is_never_hashed(anonymous, alice, monkeypatch):
    monkeypatch.setattr("django.contrib.auth.hashers.BasePasswordHasher.encode", None)
    assert anonymous.post("/auth/token", {"login": "alice", "password": "x" * 4000}).status_code == 401


@pytest.mark.promise("P8")
@pytest.mark.parametrize(
    "field",
    ["is_staff", "roles", "is_verified", "is_superuser", "id", "created_at", "email_verified", "state", "counts"],
)
def test_attributes_that_are_not_ones_own_to_set_are_refused_by_name(anonymous, field):
    answer = sign_up(anonymous, **{field: True})
    assert field_codes(answer) == {field: "unknown_field"}
    assert not User.objects.exists()


def test_confirmation_mail_is_sent_once_and_its_link_confirms_the_address(anonymous, deliver):
    sign_up(anonymous)
    deliver()
    [letter] = mail.outbox
    assert letter.to == ["alice@example.org"]
    assert letter.alternatives[0].mimetype == "text/html"
    token = re.search(r"token=([\w-]+)", letter.body)[1]
    assert anonymous.post("/auth/email/confirm", {"token": token}).status_code == 204
    assert User.objects.get().email_verified_at
    # A mail program or an impatient user opens the link again.
    assert anonymous.post("/auth/email/confirm", {"token": token}).status_code == 204
    User.objects.update(email="another@example.org")
    assert code(anonymous.post("/auth/email/confirm", {"token": token})) == "invalid_link"


def test_used_link_is_refused_while_its_address_is_unconfirmed(anonymous, deliver):
    sign_up(anonymous)
    deliver()
    token = re.search(r"token=([\w-]+)", mail.outbox[0].body)[1]
    assert anonymous.post("/auth/email/confirm", {"token": token}).status_code == 204
    User.objects.update(email_verified_at=None)
    assert code(anonymous.post("/auth/email/confirm", {"token": token})) == "invalid_link"


def test_confirmed_user_gets_no_further_mail(anonymous, api, deliver):
    sign_up(anonymous)
    alice = User.objects.get()
    assert api(alice).post("/auth/email/resend").status_code == 202
    deliver()
    assert len(mail.outbox) == 2
    token = re.search(r"token=([\w-]+)", mail.outbox[-1].body)[1]
    assert anonymous.post("/auth/email/confirm", {"token": token}).status_code == 204
    assert api(alice).post("/auth/email/resend").status_code == 202
    deliver()
    assert len(mail.outbox) == 2


@pytest.mark.promise("O4")
def test_the_secret_of_a_mail_lies_in_no_table(anonymous, deliver):
    from apps.core.models import QueuedTask

    sign_up(anonymous)
    assert QueuedTask.objects.get().kwargs == {"user_id": str(User.objects.get().pk)}
    deliver()
    token = re.search(r"token=([\w-]+)", mail.outbox[0].body)[1]
    from apps.accounts.models import EmailedToken

    assert not EmailedToken.objects.filter(digest__contains=token).exists()


# ── Texts in one line ────────────────────────────────────────────────────────────────────────────────────
BREAKS = [f"A{each}B" for each in ("\n\n", "\n", "\r\n", "\r", "\t", "\v", "\f", "\x1c", "\x85", "\u2028", "\u2029")]
BREAKS += ["\n", "\u2028", "A\n"]


@pytest.mark.promise("I2")
@pytest.mark.parametrize("text", BREAKS, ids=ascii)
def test_texts_in_one_line_take_no_line_breaks(anonymous, api, alice, text):
    calls = {
        "display_name": sign_up(anonymous, handle="other", email="other@example.org", display_name=text),
        "device_name": anonymous.post("/auth/token", {"login": "alice", "password": PASSWORD, "device_name": text}),
        "website": api(alice).patch("/users/me", {"website": f"https://example.org/{text}"}),
    }
    calls["changed"] = api(alice).patch("/users/me", {"display_name": text})
    for field, answer in calls.items():
        expected = {field if field != "changed" else "display_name": "invalid_characters"}
        assert (answer.status_code, field_codes(answer)) == (400, expected), field
    assert User.objects.get().display_name == "Alice"


@pytest.mark.promise("I1")
@pytest.mark.parametrize(
    "website",
    [
        "https://user:pw@evil.example/",
        "https://user@evil.example",
        "http://bank.example@evil.example/path",
        "https://:pw@evil.example",
        "https://@evil.example",
        "javascript:alert(1)",
        "https://evil.example:99999/",
        "https://evil.example:0/",
    ],
)
def test_websites_with_user_names_or_other_schemes_are_refused(api, alice, website):
    answer = api(alice).patch("/users/me", {"website": website})
    assert (answer.status_code, field_codes(answer)) == (400, {"website": "invalid_url"})


@pytest.mark.parametrize(
    "website", ["https://example.org/@alice", "http://example.org/?at=a@b", "https://müller.example/"]
)
def test_websites_may_have_an_at_sign_after_the_host(api, alice, website):
    assert api(alice).patch("/users/me", {"website": website}).json()["website"] == website


# ── E-mail addresses ─────────────────────────────────────────────────────────────────────────────────────
LOCAL = [
    "user@localhost",
    "user@LOCALHOST",
    "user@mail.localhost",
    "user@printer.local",
    "user@db.internal",
    "user@[127.0.0.1]",
    "user@[IPv6:::1]",
    "user@[10.0.0.1]",
    "user@127.0.0.10",
    "user@127.0.0.0x1f",
    "user@printer.lan",
    "user@hidden.onion",
    "user@staging.test",
]


@pytest.mark.promise("A6")
@pytest.mark.parametrize("email", LOCAL)
def test_local_addresses_are_refused_in_production(anonymous, settings, email):
    settings.EMAIL_ALLOW_LOCAL_ADDRESSES = False
    answer = sign_up(anonymous, email=email)
    assert (answer.status_code, field_codes(answer)) == (400, {"email": "invalid"})


@pytest.mark.parametrize(
    "email", ["user@example.org", "user@localhost.example", "user@1.example", "u@xn--mller-kva.example"]
)
def test_addresses_elsewhere_are_accepted_in_production(anonymous, settings, email):
    settings.EMAIL_ALLOW_LOCAL_ADDRESSES = False
    assert sign_up(anonymous, email=email).status_code == 201


def test_development_accepts_local_addresses(anonymous):
    assert sign_up(anonymous, email="user@localhost").status_code == 201


# ── Mails to addresses that are not confirmed ────────────────────────────────────────────────────────────
def test_mails_to_an_unconfirmed_address_contain_no_text_of_a_stranger(anonymous, deliver):
    sign_up(anonymous, handle="evil.example", display_name="Your account closes: evil.example")
    anonymous.post("/auth/password/reset", {"email": "alice@example.org"})
    deliver()
    moderation.suspend(User.objects.get(), by=make_moderator("mod"), reason="Spam.", category="spam")
    deliver()
    assert len(mail.outbox) == 3
    for letter in mail.outbox:
        for text in (letter.subject, letter.body, letter.alternatives[0].content):
            assert "evil.example" not in text
        assert letter.body.startswith("Hello,\n")


def test_mails_to_a_confirmed_address_greet_by_name(anonymous, deliver):
    UserFactory(handle="alice", display_name="Alice 🐇", email_verified_at=timezone.now())
    anonymous.post("/auth/password/reset", {"email": "alice@example.org"})
    deliver()
    assert mail.outbox[0].body.startswith("Hello Alice 🐇,\n")


# ── Passwords in any Unicode form ────────────────────────────────────────────────────────────────────────
COMPOSED, DECOMPOSED = "caf\u00e9 au lait 2026", "cafe\u0301 au lait 2026"


def sign_in(caller, password):
    return caller.post("/auth/token", {"login": "alice", "password": password})


@pytest.mark.promise("A9")
@pytest.mark.parametrize("password", [COMPOSED, DECOMPOSED], ids=["nfc", "nfd"])
@pytest.mark.parametrize("typed", [COMPOSED, DECOMPOSED], ids=["nfc", "nfd"])
def test_passwords_are_compared_in_one_unicode_form(anonymous, api, password, typed):
    sign_up(anonymous, password=password)
    alice = User.objects.get()
    assert sign_in(anonymous, typed).status_code == 200
    assert api(alice).post("/users/me/export", {"password": typed}).status_code == 202
    body = {"current_password": typed, "new_password": password + "!"}
    assert api(alice).post("/auth/password", body).status_code == 204
    assert sign_in(anonymous, typed + "!").status_code == 200
    assert sign_in(anonymous, typed).status_code == 401
    assert Client().login(username="alice", password=typed + "!")


@pytest.mark.promise("A9")
def test_hash_of_the_raw_form_works_and_is_replaced(anonymous):
    UserFactory(handle="alice")
    former = make_password(DECOMPOSED)
    User.objects.update(password=former)
    assert sign_in(anonymous, COMPOSED).status_code == 401
    assert sign_in(anonymous, DECOMPOSED + "?").status_code == 401
    assert User.objects.get().password == former
    assert sign_in(anonymous, DECOMPOSED).status_code == 200
    replaced = User.objects.get().password
    assert check_password(COMPOSED, replaced)
    for typed in (COMPOSED, DECOMPOSED):
        assert sign_in(anonymous, typed).status_code == 200
    assert User.objects.get().password == replaced


@pytest.mark.promise("A9")
@pytest.mark.parametrize("password", ["🐇" * 7, "e\u0301" * 7])
def test_length_of_a_password_is_counted_in_the_form_that_is_hashed(anonymous, password):
    assert sign_up(anonymous, password=password).status_code == 400


@pytest.mark.promise("I2")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=60))
@example(text="\u00ad")
def test_any_text_is_a_4xx_or_comes_back_nfc_equal(anonymous, text):
    answer = sign_up(anonymous, display_name=text)
    if answer.status_code == 201:
        expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        assert answer.json()["display_name"] == ("" if is_blank(expected) else expected)
        User.objects.all().delete()
    else:
        assert answer.status_code == 400
        assert set(field_codes(answer)) == {"display_name"}
