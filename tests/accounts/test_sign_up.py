import re

import pytest
from django.core import mail
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts.models import User, WithheldHandle
from tests.factories import PASSWORD

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
    from django.utils import timezone

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


def test_confirmation_mail_is_sent_once_and_its_link_works_once(anonymous, deliver):
    sign_up(anonymous)
    deliver()
    [letter] = mail.outbox
    assert letter.to == ["alice@example.org"]
    assert letter.alternatives[0].mimetype == "text/html"
    token = re.search(r"token=([\w-]+)", letter.body)[1]
    assert anonymous.post("/auth/email/confirm", {"token": token}).status_code == 204
    assert User.objects.get().email_verified_at
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


@pytest.mark.promise("I2")
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(text=st.text(max_size=60))
def test_any_text_is_a_4xx_or_comes_back_nfc_equal(anonymous, text):
    import unicodedata

    answer = sign_up(anonymous, display_name=text)
    if answer.status_code == 201:
        expected = unicodedata.normalize("NFC", text.replace("\r\n", "\n"))
        assert answer.json()["display_name"] == (expected if expected.strip() else "")
        User.objects.all().delete()
    else:
        assert answer.status_code == 400
        assert set(field_codes(answer)) == {"display_name"}
