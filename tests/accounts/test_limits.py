"""Every call that checks a secret or sends mail is limited, and no client uses up the limit of its neighbours."""

from datetime import UTC, datetime

import pytest
import time_machine

from apps.accounts import refresh_tokens, services, tokens
from apps.accounts.mails import digest
from apps.accounts.models import EmailedToken
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
WRONG = "not the pass phrase"
# call → (who, body, the scopes that hold it back)
CALLS = {
    "POST /auth/token": (None, {"login": "alice", "password": WRONG}, ["sign_in_address", "sign_in_account"]),
    "POST /auth/password": ("alice", {"current_password": WRONG, "new_password": "quite another one"}, ["password"]),
    "POST /auth/password/reset": (None, {"email": "alice@example.org"}, ["mail_address", "mail_account"]),
    "POST /auth/password/reset/confirm": (None, {"token": "x", "new_password": "quite another one"}, ["token"]),
    "POST /auth/email/confirm": (None, {"token": "x"}, ["token"]),
    "POST /auth/email/resend": ("alice", None, ["mail_address", "mail_account"]),
    "POST /auth/email/change": (
        "alice",
        {"email": "new@example.org", "password": WRONG},
        ["password", "mail_address", "mail_account", "sign_up"],
    ),
    "POST /auth/email/change/confirm": (None, {"token": "x"}, ["token"]),
    "POST /auth/email/revert": (None, {"token": "x", "new_password": "quite another one"}, ["token"]),
    "POST /users": (None, {"handle": "x", "email": "x", "password": PASSWORD}, ["sign_up"]),
    "POST /users/me/export": ("alice", {"password": WRONG}, ["password"]),
    "DELETE /users/me": ("alice", {"password": WRONG}, ["password"]),
}


@pytest.mark.promise("A4")
@pytest.mark.parametrize(("call", "scope"), [(call, scope) for call, row in CALLS.items() for scope in row[2]])
def test_is_refused_once_too_often_by_each_of_its_limits(api, alice, settings, call, scope):
    who, body, _ = CALLS[call]
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (1000, 3600)) | {scope: (2, 3600)}
    caller = api(alice if who else None)
    method, path = call.split(" ")
    answers = [getattr(caller, method.lower())(path, body) for _ in range(3)]
    assert 429 not in [answer.status_code for answer in answers[:2]]
    assert (answers[2].status_code, answers[2].json()["code"]) == (429, "rate_limited")
    assert int(answers[2].headers["Retry-After"]) > 0


OFFICE = "198.51.100.1"
# Calls whose secret is unknown.
JUNK = {
    "POST /auth/token": {"grant_type": "refresh_token", "refresh": "x"},
    "POST /auth/email/confirm": {"token": "x"},
    "POST /auth/password/reset/confirm": {"token": "x", "new_password": "quite another one"},
}


@pytest.fixture
def office(settings):
    """Clients share one address. Every limit is on, in one window."""
    settings.RATE_LIMITS_ENABLED = True
    settings.TRUSTED_PROXIES = 1
    with time_machine.travel(datetime(2026, 11, 23, 12, 0, 10, tzinfo=UTC), tick=False):
        yield settings


def post(caller, path, body, address=OFFICE, **headers):
    return caller.post(path, body, HTTP_X_FORWARDED_FOR=address, **headers)


def mail_link(user, purpose):
    secret = f"{purpose} {user.pk}"
    EmailedToken.objects.create(
        user=user, purpose=purpose, email=user.email, digest=digest(secret), expires_at=datetime(2027, 1, 1, tzinfo=UTC)
    )
    return secret


class TestNeighbours:
    """Whatever one client at an address does, the others there can go on."""

    @pytest.fixture(params=[*JUNK, "GET /explore", "GET /feed", "sign in"])
    def busy(self, request, anonymous, office):
        """A client at the office's address is over the limit of a call."""
        office.RATE_LIMITS = dict.fromkeys(office.RATE_LIMITS, (4, 300))
        path = request.param.partition(" ")[2]
        statuses = []
        for number in range(5):
            if request.param in JUNK:
                answer = post(anonymous, path, JUNK[request.param])
            elif request.param == "sign in":
                answer = post(anonymous, "/auth/token", {"login": f"someone{number}", "password": "x"})
            else:
                junk = {"HTTP_AUTHORIZATION": "Bearer x"} if path == "/feed" else {}
                answer = anonymous.get(path, HTTP_X_FORWARDED_FOR=OFFICE, **junk)
            statuses.append(answer.status_code)
        assert statuses[0] != 429
        assert statuses[-1] == 429

    @pytest.mark.promise("A5")
    def test_neighbours_refresh_confirm_and_sign_in(self, busy, anonymous, alice):
        session = services.open_session(alice, address=OFFICE)
        refresh = {"grant_type": "refresh_token", "refresh": refresh_tokens.issue(session, 0)}
        sign_in = {"login": "alice", "password": PASSWORD}
        confirm = {"token": mail_link(alice, "confirm_email")}
        reset = {"token": mail_link(alice, "reset_password"), "new_password": "quite another one"}
        expired = {"HTTP_AUTHORIZATION": f"Bearer {tokens.access_token(session)}", "HTTP_X_FORWARDED_FOR": OFFICE}
        assert post(anonymous, "/auth/token", refresh).status_code == 200
        assert post(anonymous, "/auth/token", sign_in).status_code == 200
        assert post(anonymous, "/auth/email/confirm", confirm).status_code == 204
        assert anonymous.get("/auth/me", **expired).status_code == 200
        assert post(anonymous, "/auth/password/reset/confirm", reset).status_code == 204
        # The reset has ended the session: the client must learn that its token is invalid.
        assert anonymous.get("/auth/me", **expired).json()["code"] == "invalid_token"


@pytest.mark.promise("A5")
def test_refreshes_are_limited_by_session(anonymous, alice, office):
    office.RATE_LIMITS = office.RATE_LIMITS | {"refresh": (2, 300), "token": (2, 300)}
    body = [
        {"grant_type": "refresh_token", "refresh": refresh_tokens.issue(services.open_session(alice), 0)}
        for _ in range(4)
    ]
    assert [post(anonymous, "/auth/token", each).status_code for each in body] == [200] * 4
    again = [post(anonymous, "/auth/token", body[0], address=f"203.0.113.{n}") for n in range(2)]
    assert [answer.status_code for answer in again] == [200, 429]
    assert again[1].headers["RateLimit-Limit"] == "2"


@pytest.mark.promise("A4")
@pytest.mark.parametrize("call", list(JUNK))
def test_unknown_secrets_are_limited_by_network(anonymous, office, call):
    path, body = call.removeprefix("POST "), JUNK[call]
    answers = [post(anonymous, path, body, address=f"2001:db8:1:2::{n:x}") for n in range(31)]
    assert 429 not in [answer.status_code for answer in answers[:30]]
    assert answers[30].status_code == 429
    assert post(anonymous, path, body, address="2001:db8:1:3::1").status_code != 429


@pytest.mark.promise("A5")
@pytest.mark.parametrize("kind", ["x", "Basic eDp5", "Bearer x", "Bearer", "Bearer eyJhbGciOiJub25lIn0.e30."])
def test_invalid_access_tokens_are_limited_by_network(anonymous, alice, office, kind):
    office.RATE_LIMITS = office.RATE_LIMITS | {"invalid_bearer": (2, 60)}

    def get(header, address=OFFICE):
        return anonymous.get("/users/@alice", HTTP_AUTHORIZATION=header, HTTP_X_FORWARDED_FOR=address)

    answers = [get(kind) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert get(kind, "203.0.113.9").status_code == 401


@pytest.mark.promise("A5")
def test_expired_access_tokens_are_limited_by_session(anonymous, alice, office):
    office.RATE_LIMITS = office.RATE_LIMITS | {"invalid_bearer": (2, 60)}
    ended = [services.open_session(alice) for _ in range(4)]
    headers = [f"Bearer {tokens.access_token(session)}" for session in ended]
    services.end_all_sessions(alice.pk)
    assert [anonymous.get("/feed", HTTP_AUTHORIZATION=each).status_code for each in headers] == [401] * 4
    assert [anonymous.get("/feed", HTTP_AUTHORIZATION=headers[0]).status_code for _ in range(2)] == [401, 429]
    with time_machine.travel(datetime(2026, 11, 23, 13, tzinfo=UTC), tick=False):
        assert [anonymous.get("/feed", HTTP_AUTHORIZATION=each).status_code for each in headers] == [401] * 4


@pytest.mark.promise("A4")
@pytest.mark.parametrize("known", ["198.51.100.1", "2001:db8:1:2::1"])
def test_account_is_not_locked_out_at_an_address_that_it_knows(anonymous, alice, bob, office, known):
    """Not by guesses from elsewhere, nor by sign-ins of others at this address; and its own attempts are limited."""
    office.RATE_LIMITS = office.RATE_LIMITS | {"sign_in_account": (3, 300), "sign_in_address": (4, 300)}
    neighbour = known.replace("::1", "::77")

    def sign_in(login, password, address):
        return post(anonymous, "/auth/token", {"login": login, "password": password}, address=address).status_code

    assert sign_in("alice", PASSWORD, known) == 200
    assert [sign_in("alice", "x", f"203.0.113.{n}") for n in range(3)] == [401, 401, 429]
    assert [sign_in(f"someone{n}", "x", neighbour) for n in range(5)][-1] == 429
    assert sign_in("bob", PASSWORD, neighbour) == 429
    assert sign_in("alice", PASSWORD, known) == 200
    # The other way round: attempts from here do not lock out those from elsewhere.
    assert [sign_in("alice", "x", known) for _ in range(3)][-1] == 429
    assert sign_in("bob", PASSWORD, "203.0.113.99") == 200


@pytest.mark.promise("A5")
@pytest.mark.parametrize(("call", "scope"), [(call, scope) for call, row in CALLS.items() for scope in row[2]])
def test_429_has_the_numbers_of_the_limit_that_refused(api, alice, settings, call, scope):
    who, body, _ = CALLS[call]
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, (1000, 60)) | {scope: (1, 86_400)}
    caller = api(alice if who else None)
    method, path = call.split(" ")
    answer = [getattr(caller, method.lower())(path, body) for _ in range(2)][1]
    numbers = {name: answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining")}
    assert (answer.status_code, numbers) == (429, {"Limit": "1", "Remaining": "0"})
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"]


@pytest.mark.promise("A7")
@pytest.mark.parametrize("header", ["Bearer x", "Basic eDp5", "stale"])
@pytest.mark.parametrize("call", ["token", "refresh", "reset", "reset confirm", "confirm", "appeal"])
def test_authorization_header_is_ignored_where_no_token_is_needed(anonymous, alice, call, header):
    """A client that adds its last access token to every request must be able to get another one."""
    stale = services.open_session(alice)
    services.end_session(alice.pk, stale.pk)
    refresh = refresh_tokens.issue(services.open_session(alice), 0)
    path, body, status = {
        "token": ("/auth/token", {"login": "alice", "password": PASSWORD}, 200),
        "refresh": ("/auth/token", {"grant_type": "refresh_token", "refresh": refresh}, 200),
        "reset": ("/auth/password/reset", {"email": alice.email}, 202),
        "reset confirm": ("/auth/password/reset/confirm", {"token": "x", "new_password": "quite another one"}, 400),
        "confirm": ("/auth/email/confirm", {"token": mail_link(alice, "confirm_email")}, 204),
        "appeal": (f"/moderation/actions/{stale.pk}/appeal", {"text": "x", "token": "x"}, 400),
    }[call]
    sent = f"Bearer {tokens.access_token(stale)}" if header == "stale" else header
    assert anonymous.post(path, body, HTTP_AUTHORIZATION=sent).status_code == status


@pytest.mark.promise("A7")
@pytest.mark.parametrize("path", ["/users/@alice", "/explore", "/search/users?q=alice", "/tags/husum/posts"])
def test_invalid_token_is_refused_where_a_token_changes_the_response(anonymous, alice, path):
    assert anonymous.get(path, HTTP_AUTHORIZATION="Bearer x").json()["code"] == "invalid_token"
