import datetime as dt
import re
import threading
from pathlib import Path

import jwt
import pytest
import time_machine
from django.contrib.auth.hashers import Argon2PasswordHasher, get_hasher
from django.core import mail
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts import refresh_tokens, services, session_cache, tasks
from apps.accounts.models import EmailedToken, Session, User
from apps.core import cache
from apps.core.models import QueuedTask
from config import settings as production
from tests.conftest import Caller
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


def sign_in(caller, login="alice", password=PASSWORD):
    return caller.post("/auth/token", {"login": login, "password": password})


def renew(caller, refresh):
    return caller.post("/auth/token", {"grant_type": "refresh_token", "refresh": refresh})


def bearer(access):
    return {"HTTP_AUTHORIZATION": f"Bearer {access}"}


class TestSigningIn:
    @pytest.mark.parametrize("login", ["alice", "@alice", "ALICE", "alice@example.org", "Alice@Example.org"])
    def test_sign_in_works_by_handle_and_email(self, anonymous, alice, login):
        answer = sign_in(anonymous, login)
        assert answer.status_code == 200
        assert answer.json()["user"]["handle"] == "alice"
        assert answer.json()["token_type"] == "Bearer"
        assert anonymous.get("/auth/me", **bearer(answer.json()["access"])).status_code == 200

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, {"login", "password"}),
            ({"grant_type": "password", "login": "alice"}, {"password"}),
            ({"grant_type": "refresh_token"}, {"refresh"}),
            ({"grant_type": "refresh_token", "refresh": "x", "login": "alice"}, {"login"}),
            ({"login": "alice", "password": PASSWORD, "refresh": "x"}, {"refresh"}),
            ({"grant_type": "other", "login": "alice", "password": PASSWORD}, {"grant_type"}),
            ({"grant_type": ["password"], "login": "alice", "password": PASSWORD}, {"grant_type"}),
            ({"grant_type": None, "login": "alice", "password": PASSWORD}, {"grant_type"}),
        ],
        # xdist needs the same ids in each process, and the order of a set differs.
        ids=lambda value: str(sorted(value) if isinstance(value, set) else value),
    )
    def test_a_body_has_the_fields_of_its_grant_type(self, anonymous, alice, body, fields):
        answer = anonymous.post("/auth/token", body)
        assert answer.status_code == 400
        assert {error["field"] for error in answer.json()["errors"]} == fields

    @pytest.mark.promise("A3")
    @pytest.mark.parametrize("login", ["nobody", "nobody@example.org", "ä", "@", ""])
    def test_an_unknown_login_answers_like_a_wrong_password(self, anonymous, alice, login):
        wrong, unknown = sign_in(anonymous, "alice", "wrong"), sign_in(anonymous, login or "x", "wrong")
        assert wrong.status_code == unknown.status_code == 401
        assert {**wrong.json(), "request_id": ""} == {**unknown.json(), "request_id": ""}
        assert wrong.json()["code"] == "invalid_credentials"

    @pytest.mark.promise("A3")
    def test_an_unknown_login_costs_a_hash_like_a_wrong_password(self, anonymous, alice, monkeypatch):
        hashed = []
        plain = type(get_hasher()).encode
        monkeypatch.setattr(type(get_hasher()), "encode", lambda *a, **k: hashed.append(1) or plain(*a, **k))
        sign_in(anonymous, "alice", "wrong")
        for_known = len(hashed)
        sign_in(anonymous, "nobody", "wrong")
        assert len(hashed) == 2 * for_known

    @pytest.mark.promise("A3")
    @pytest.mark.parametrize("password", ["wrong", "cafe\u0301"], ids=["ascii", "not NFC"])
    def test_an_unknown_login_costs_the_same_queries_and_hashes(self, anonymous, alice, password, monkeypatch):
        hashed = []
        plain = type(get_hasher()).encode
        monkeypatch.setattr(type(get_hasher()), "encode", lambda *a, **k: hashed.append(1) or plain(*a, **k))

        def cost(login):
            hashed.clear()
            statements = statements_of(lambda: sign_in(anonymous, login, password))
            Client().post("/admin/login/", {"username": login, "password": password})
            return statements, len(hashed)

        assert cost("alice") == cost("nobody")

    def test_suspension_is_revealed_only_with_the_right_password(self, anonymous, alice):
        services.suspend(alice, reason="spam", until=None)
        assert sign_in(anonymous, "alice", "wrong").json()["code"] == "invalid_credentials"
        answer = sign_in(anonymous)
        assert (answer.status_code, answer.json()["code"]) == (403, "account_suspended")
        assert answer.json()["reason"] == "spam"

    @pytest.mark.promise("A4")
    def test_attempts_are_limited_by_account_without_locking_its_owner_out(self, anonymous, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_in_account": (3, 300), "anonymous": (1000, 60)}
        settings.TRUSTED_PROXIES = 1

        def attempt(address, password="wrong"):
            body = {"login": "alice", "password": password}
            return anonymous.post("/auth/token", body, HTTP_X_FORWARDED_FOR=address).status_code

        with time_machine.travel(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), tick=False):
            assert attempt("198.51.100.1", PASSWORD) == 200
            assert [attempt(f"203.0.113.{n}") for n in range(4)] == [401, 401, 429, 429]
            assert attempt("198.51.100.1", PASSWORD) == 200

    @pytest.mark.promise("A4")
    def test_the_limit_holds_while_redis_is_away(self, anonymous, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"sign_in_account": (2, 300)}
        with without_redis(), time_machine.travel(dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC), tick=False):
            assert [sign_in(anonymous, "alice", "wrong").status_code for _ in range(3)] == [401, 401, 429]


def statements_of(call):
    """The SQL statements of a call without their values, and how many rows each table has more afterwards."""

    def sizes():
        return {model._meta.label: model._base_manager.count() for model in (QueuedTask, EmailedToken, Session)}

    before = sizes()
    with CaptureQueriesContext(connection) as queries:
        call()
    changes = {label: count - before[label] for label, count in sizes().items()}
    return [re.sub(r"'[^']*'(::\w+)?|\b\d+\b|\"s\d+_x\d+\"", "?", query["sql"]) for query in queries], changes


def without_redis():
    cache.breaker.reset()
    return override_settings(REDIS_URL="redis://127.0.0.1:1/0")


class TestAccessTokens:
    def forged(self, alice, key=None, algorithm="HS256", headers=None, **claims):
        session = services.open_session(alice)
        now = dt.datetime.now(dt.UTC)
        payload = {
            "iss": "photogram",
            "aud": "photogram-api",
            "sub": str(alice.pk),
            "sid": str(session.pk),
            "jti": "1",
            "iat": now,
            "exp": now + dt.timedelta(minutes=5),
        } | claims
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(
            payload, key or production.JWT_SIGNING_KEY, algorithm=algorithm, headers={"typ": "at+jwt"} | (headers or {})
        )

    @pytest.mark.promise("A7")
    def test_a_well_made_one_is_accepted(self, anonymous, alice):
        assert anonymous.get("/auth/me", **bearer(self.forged(alice))).status_code == 200

    @pytest.mark.promise("A7")
    @pytest.mark.parametrize(
        "flaw",
        [
            {"key": "x" * 40},
            {"algorithm": "HS512"},
            {"headers": {"typ": "JWT"}},
            {"iss": "other"},
            {"aud": "other"},
            {"exp": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
            {"exp": None},
            {"sid": "x"},
            {"sub": "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"},
            {"jti": None},
            {"headers": {"kid": "../../dev/null"}, "key": "x" * 40},
            {"headers": {"jku": "https://attacker.example/keys"}, "key": "x" * 40},
            {"key": ""},
        ],
        ids=str,
    )
    def test_every_flaw_is_a_401_on_open_routes_too(self, anonymous, alice, flaw):
        token = self.forged(alice, **flaw) if flaw.get("key") != "" else "a.b.c"
        for path in ("/auth/me", "/users/@alice"):
            answer = anonymous.get(path, **bearer(token))
            assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
            assert answer.headers["WWW-Authenticate"] == "Bearer"

    @pytest.mark.promise("A7")
    def test_a_refresh_token_is_no_access_token_nor_the_reverse(self, anonymous, alice):
        pair = sign_in(anonymous).json()
        assert anonymous.get("/auth/me", **bearer(pair["refresh"])).status_code == 401
        assert renew(anonymous, pair["access"]).status_code == 401

    def test_tokens_of_a_former_key_are_valid_until_the_key_is_removed(self, anonymous, alice, settings):
        access = sign_in(anonymous).json()["access"]
        settings.JWT_SIGNING_KEY_FALLBACKS = [settings.JWT_SIGNING_KEY]
        settings.JWT_SIGNING_KEY = "n" * 40
        assert anonymous.get("/auth/me", **bearer(access)).status_code == 200
        settings.JWT_SIGNING_KEY_FALLBACKS = []
        assert anonymous.get("/auth/me", **bearer(access)).status_code == 401

    @pytest.mark.promise("A7")
    def test_a_token_that_was_accepted_is_refused_once_it_has_expired(self, alice):
        caller = Caller(alice)
        assert caller.get("/auth/me").status_code == 200
        with time_machine.travel(dt.datetime.now(dt.UTC) + production.ACCESS_TOKEN_LIFETIME):
            assert caller.get("/auth/me").json()["code"] == "invalid_token"

    def test_redis_is_called_once_for_authentication_and_once_for_the_rate_limit(self, alice, settings, monkeypatch):
        settings.RATE_LIMITS_ENABLED = True
        caller, asked, call = Caller(alice), [], cache.call
        assert caller.get("/follow-requests").headers["RateLimit-Remaining"] == "599"
        monkeypatch.setattr(cache, "call", lambda command: asked.append(command) or call(command))
        assert caller.get("/follow-requests").headers["RateLimit-Remaining"] == "598"
        assert len(asked) <= 2

    def test_record_of_another_epoch_counts_the_request_once_and_updates_last_seen(self, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        caller = Caller(alice)
        assert caller.get("/follow-requests").headers["RateLimit-Remaining"] == "599"
        long_ago = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        Session.objects.update(last_seen_at=long_ago)
        cache.call(lambda client: client.set(cache.key("auth", "epoch"), "another"))
        cache.call(lambda client: client.delete(cache.key("auth", "seen", caller.login.pk)))
        assert caller.get("/follow-requests").headers["RateLimit-Remaining"] == "598"
        assert Session.objects.get(pk=caller.login.pk).last_seen_at > long_ago

    def test_mark_that_fails_during_another_read_starts_a_new_epoch(self, alice, bob, monkeypatch):
        caller, call = Caller(alice), cache.call

        def epoch():
            return call(lambda client: client.get(cache.key("auth", "epoch")))

        def read_while_a_mark_fails(command):
            monkeypatch.setattr(cache, "call", call)
            with without_redis():
                session_cache.mark_user(bob.pk)
            cache.breaker.reset()
            return call(command)

        caller.get("/auth/me")
        before = epoch()
        monkeypatch.setattr(cache, "call", read_while_a_mark_fails)
        assert [caller.get("/auth/me").status_code for _ in range(2)] == [200, 200]
        assert epoch() != before

    def test_authentication_runs_no_query(self, alice, django_assert_num_queries, settings):
        caller = Caller(alice)
        caller.get("/follow-requests")
        with django_assert_num_queries(1):
            caller.get("/follow-requests")


class TestRefreshing:
    def test_refresh_returns_another_token_of_the_same_session(self, anonymous, alice):
        first = sign_in(anonymous).json()
        second = renew(anonymous, first["refresh"]).json()
        assert second["refresh"] != first["refresh"]
        assert second["session_id"] == first["session_id"]

    @pytest.mark.promise("A2")
    def test_presented_again_within_the_grace_it_has_the_same_successor(self, anonymous, alice):
        first = sign_in(anonymous).json()
        assert (
            renew(anonymous, first["refresh"]).json()["refresh"] == renew(anonymous, first["refresh"]).json()["refresh"]
        )

    @pytest.mark.promise("A2")
    def test_presented_again_later_it_ends_the_session(self, anonymous, alice):
        first = sign_in(anonymous).json()
        second = renew(anonymous, first["refresh"]).json()
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=31)):
            assert renew(anonymous, first["refresh"]).json()["code"] == "token_reused"
        assert renew(anonymous, second["refresh"]).status_code == 401
        assert anonymous.get("/auth/me", **bearer(second["access"])).status_code == 401

    def test_guessed_refresh_token_does_not_end_the_session(self, anonymous, alice):
        first = sign_in(anonymous).json()
        session_id, generation, _ = first["refresh"].split(".")
        assert renew(anonymous, f"{session_id}.{generation}.guess").json()["code"] == "invalid_refresh_token"
        assert renew(anonymous, first["refresh"]).status_code == 200

    @pytest.mark.promise("A2")
    @pytest.mark.django_db(transaction=True)
    def test_twenty_at_once_are_one_rotation(self, anonymous, alice):
        refresh = sign_in(anonymous).json()["refresh"]
        answers = []

        def present():
            answers.append(services.refresh(refresh)[1])
            connection.close()

        threads = [threading.Thread(target=present) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 20
        assert len(set(answers)) == 1
        assert Session.objects.get().generation == 1


ENDINGS = {
    "revoke": lambda caller, alice: caller.post("/auth/revoke", {}),
    "revoke another": lambda caller, alice: Caller(alice).post("/auth/revoke", {"session_id": str(caller.login.pk)}),
    "revoke all": lambda caller, alice: Caller(alice).post("/auth/revoke", {"all": True}),
    "password": lambda caller, alice: Caller(alice).post(
        "/auth/password", {"current_password": PASSWORD, "new_password": "quite another phrase"}
    ),
    "suspend": lambda caller, alice: services.suspend(alice, reason="spam"),
    "leave": lambda caller, alice: Caller(alice).delete("/users/me", {"password": PASSWORD}),
}


@pytest.mark.parametrize("ending", list(ENDINGS))
class TestA1TokensThatOutliveTheRight:
    def refused(self, caller):
        refresh = refresh_tokens.issue(caller.login, 0)
        return caller.get("/auth/me").status_code in {401} and renew(Caller(), refresh).status_code in {401, 403}

    @pytest.mark.promise("A1")
    def test_access_and_refresh_are_refused_from_the_next_request_on(self, alice, ending):
        caller = Caller(alice)
        assert caller.get("/auth/me").status_code == 200
        ENDINGS[ending](caller, alice)
        assert self.refused(caller)

    @pytest.mark.promise("A1")
    def test_also_while_redis_is_away_and_after_it_comes_back(self, alice, ending):
        """What Redis held before the outage is the record of a living session; it must never count again."""
        caller = Caller(alice)
        assert caller.get("/auth/me").status_code == 200
        with without_redis():
            ENDINGS[ending](caller, alice)
            assert self.refused(caller)
        cache.breaker.reset()
        assert self.refused(caller)

    @pytest.mark.promise("A1")
    def test_also_with_an_old_snapshot(self, alice, ending, monkeypatch):
        """A restarted server that loads an old snapshot has another run id: simulated by restoring the very record."""
        caller = Caller(alice)
        caller.get("/auth/me")
        record = cache.key("auth", "s", caller.login.pk)
        kept = cache.call(lambda client: client.get(record))
        assert kept
        ENDINGS[ending](caller, alice)
        for mark in (cache.key("auth", "u!", alice.pk), cache.key("auth", "s!", caller.login.pk)):
            cache.call(lambda client, mark=mark: client.delete(mark))
        cache.call(lambda client: client.set(record, kept.replace(b'"stamp": "', b'"stamp": "0')))
        assert self.refused(caller)


class TestListingSessions:
    def test_list_contains_own_sessions_and_marks_the_current_one(self, anonymous, alice, bob):
        services.open_session(bob)
        first, second = Caller(alice), Caller(alice)
        shown = second.get("/auth/sessions").json()["results"]
        assert [(s["id"], s["current"]) for s in shown] == [(str(second.login.pk), True), (str(first.login.pk), False)]


class TestPasswords:
    def test_password_change_needs_the_old_one_and_keeps_this_session(self, alice):
        here, there = Caller(alice), Caller(alice)
        body = {"current_password": "wrong", "new_password": "quite another phrase"}
        assert here.post("/auth/password", body).json()["code"] == "wrong_password"
        assert here.post("/auth/password", body | {"current_password": PASSWORD}).status_code == 204
        assert here.get("/auth/me").status_code == 200
        assert there.get("/auth/me").status_code == 401

    @pytest.mark.promise("A3")
    def test_asking_for_a_reset_answers_alike_for_known_and_unknown(self, anonymous, alice, deliver):
        known = anonymous.post("/auth/password/reset", {"email": "Alice@example.org"})
        unknown = anonymous.post("/auth/password/reset", {"email": "nobody@example.org"})
        assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, b"")
        deliver()
        assert [letter.to for letter in mail.outbox] == [["alice@example.org"]]

    @pytest.mark.promise("A3")
    def test_asking_for_a_reset_does_the_same_work_for_known_and_unknown(self, anonymous, alice):
        known, unknown = [
            statements_of(lambda email=email: anonymous.post("/auth/password/reset", {"email": email}))
            for email in ("alice@example.org", "nobody@example.org")
        ]
        assert known == unknown
        assert known[1]["core.QueuedTask"] == 1

    @pytest.mark.promise("A3")
    def test_asking_for_a_confirmation_does_the_same_work_for_confirmed_and_unconfirmed(self, alice, bob):
        User.objects.filter(pk=bob.pk).update(email_verified_at=timezone.now())
        callers = [Caller(alice), Caller(bob)]
        for caller in callers:  # cache the sessions
            caller.get("/auth/me")
        first, second = [statements_of(lambda caller=caller: caller.post("/auth/email/resend")) for caller in callers]
        assert first == second

    @pytest.mark.parametrize("email", ["alice", "", " ", "\u00e4@example.org", "a\0@example.org", "a@b\n", "@"])
    def test_asking_for_a_reset_of_no_address_is_answered_alike(self, anonymous, alice, deliver, email):
        assert anonymous.post("/auth/password/reset", {"email": email}).status_code in {202, 400}
        deliver()
        assert not mail.outbox

    def test_reset_that_the_previous_release_has_queued_is_sent(self, alice):
        tasks.send_reset.apply(kwargs={"user_id": str(alice.pk)}, throw=True)
        assert [letter.to for letter in mail.outbox] == [["alice@example.org"]]

    @pytest.mark.promise("A4")
    def test_a_reset_works_once_within_an_hour_and_ends_every_session(self, anonymous, alice, deliver):
        caller = Caller(alice)
        for _ in range(2):
            anonymous.post("/auth/password/reset", {"email": "alice@example.org"})
        deliver()
        links = [re.search(r"token=([\w-]+)", letter.body)[1] for letter in mail.outbox]
        assert all(len(link) >= 43 for link in links)
        with time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(minutes=61)):
            late = anonymous.post(
                "/auth/password/reset/confirm", {"token": links[1], "new_password": "quite another phrase"}
            )
            assert late.json()["code"] == "invalid_link"
        body = {"token": links[1], "new_password": "quite another phrase"}
        assert anonymous.post("/auth/password/reset/confirm", body).status_code == 204
        assert caller.get("/auth/me").status_code == 401
        assert sign_in(anonymous, password="quite another phrase").status_code == 200
        for link in links:
            again = anonymous.post("/auth/password/reset/confirm", body | {"token": link})
            assert again.json()["code"] == "invalid_link"

    @pytest.mark.promise("A9")
    def test_production_hashes_with_argon2(self):
        source = production.__file__
        assert "Argon2PasswordHasher" in Path(source).read_text()
        assert Argon2PasswordHasher().encode("x", "saltsaltsalt").startswith("argon2$argon2id$")


class TestLeaving:
    def test_deleted_account_is_hidden_and_restored_by_signing_in(self, anonymous, alice, api, carol):
        assert api(alice).delete("/users/me", {"password": "wrong"}).json()["code"] == "wrong_password"
        assert api(alice).delete("/users/me", {"password": PASSWORD}).status_code == 202
        assert api(carol).get("/users/@alice").status_code == 404
        assert sign_in(anonymous).status_code == 200
        assert api(carol).get("/users/@alice").status_code == 200


def test_record_of_a_session_is_never_used_for_another_user(db):
    callers = [Caller(UserFactory(handle=f"person_{n}")) for n in range(5)]
    for _ in range(2):
        for caller in callers:
            assert caller.get("/auth/me").json()["id"] == str(caller.user.pk)
    assert session_cache.get_user(callers[0].user.pk, callers[1].login.pk) is None
    assert User.objects.count() == 5
