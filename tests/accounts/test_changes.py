"""Changes of the handle and of the e-mail address."""

import re

import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import changes, confirmation, services, session_cache, two_factor
from apps.accounts.api import attempts
from apps.accounts.models import EmailChange, Passkey, RecoveryCode, SecurityEvent, Session, User, WithheldHandle
from apps.core.errors import DomainError, TooManyRequests
from apps.moderation.models import Flag
from apps.safety import services as safety
from tests.console.codes import enrol
from tests.factories import PASSWORD, PostFactory, UserFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
NEW, OTHER, NEW_PASSWORD = "new@example.org", "other@example.org", "a better battery staple"
DAY = timezone.timedelta(days=1)


@pytest.fixture
def member(db):
    return UserFactory(handle="alice", email_verified_at=timezone.now())


def later(time_machine, period):
    time_machine.move_to(timezone.now() + period, tick=True)


def code(answer):
    return answer.json().get("code")


def field_codes(answer):
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def kinds(user):
    return list(SecurityEvent.objects.owned_by(user.pk).order_by("id").values_list("kind", flat=True))


# ── Handle ───────────────────────────────────────────────────────────────────────────────────────────────
def rename(api, user, handle):
    return api(user).post("/users/me/handle", {"handle": handle})


def test_new_handle_is_shown_everywhere_at_once_and_the_former_one_is_unknown(api, client, bob, alice, deliver):
    post = PostFactory(author=alice, caption="x")
    mention = api(bob).post(f"/posts/{post.pk}/comments", {"text": "Hi @alice!"}).json()
    reader = api(alice)
    reader.get("/auth/me")  # the session cache has the handle from now on
    me = reader.post("/users/me/handle", {"handle": "Alice.L"})
    assert (me.status_code, me.json()["handle"]) == (200, "alice.l")
    deliver()
    assert reader.get("/auth/me").json()["handle"] == "alice.l"
    assert session_cache.get_user(alice.pk, reader.login.pk).handle == "alice.l"
    assert reader.post(f"/posts/{post.pk}/comments", {"text": "y"}).json()["author"]["handle"] == "alice.l"
    assert api(None).get("/users/@alice.l").status_code == 200
    assert api(bob).get("/feed").json()["results"][0]["author"]["handle"] == "alice.l"
    assert [user["handle"] for user in api(None).get("/search/users?q=alice.l").json()["results"]] == ["alice.l"]
    comments = api(None).get(f"/posts/{post.pk}/comments").json()["results"]
    found = next(comment for comment in comments if comment["id"] == mention["id"])
    assert found["mentions"][0]["handle"] == "alice.l"
    assert client.get("/@alice.l").status_code == 200
    page = client.get(f"/p/{post.pk}").content.decode()
    assert '<a href="/@alice.l">@alice.l</a>' in page
    # A member who changes the handle may want to be left alone by people who know the former one.
    unknown = api(None).get("/users/@nobody").json()
    assert api(None).get("/users/@alice").json() | {"request_id": ""} == unknown | {"request_id": ""}
    assert client.get("/@alice").status_code == 404


def test_former_handle_is_reserved_for_its_owner_for_30_days(api, anonymous, member, carol, time_machine):
    assert rename(api, member, "alicia").status_code == 200
    sign_up = {"handle": "alice", "email": NEW, "password": PASSWORD}
    assert code(anonymous.post("/users", sign_up)) == "handle_taken"
    assert code(rename(api, carol, "alice")) == "handle_taken"
    later(time_machine, 15 * DAY)
    assert rename(api, member, "alice").status_code == 200
    assert list(WithheldHandle.objects.values_list("handle", "user__handle")) == [("alicia", "alice")]
    later(time_machine, 31 * DAY)
    assert rename(api, carol, "alicia").status_code == 200


def test_handle_can_be_changed_once_in_14_days(api, member, time_machine):
    assert rename(api, member, "alice").status_code == 200  # no change
    assert rename(api, member, "alicia").status_code == 200
    for handle in ("alice", "another"):
        refused = rename(api, member, handle)
        assert (refused.status_code, code(refused)) == (409, "handle_change_too_soon")
        assert 0 < int(refused.headers["Retry-After"]) <= 14 * 24 * 3600
    later(time_machine, 14 * DAY)
    assert rename(api, member, "another").status_code == 200


@pytest.mark.parametrize("handle", ["al", "admin", "al..ice", "älice", "", None, 5])
def test_handle_that_breaks_the_rules_is_refused(api, member, handle):
    refused = rename(api, member, handle)
    assert refused.status_code == 400
    assert "handle" in field_codes(refused)


@pytest.mark.parametrize(("effect", "status"), [("refuse", 422), ("flag", 200)])
def test_blocked_word_in_a_new_handle_is_refused_or_reported(api, deliver, member, effect, status):
    safety.block_term(kind="word", text="watches", effect=effect, reason="Spam.")
    assert rename(api, member, "cheap.watches").status_code == status
    deliver()
    assert User.objects.get().handle == ("alice" if effect == "refuse" else "cheap.watches")
    assert Flag.objects.filter(target_id=member.pk).exists() is (effect == "flag")


def test_taken_handle_is_refused_and_nothing_changes(api, member, carol):
    assert code(rename(api, member, "CAROL")) == "handle_taken"
    member.refresh_from_db()
    assert (member.handle, member.handle_changed_at) == ("alice", None)
    assert not WithheldHandle.objects.exists()


def test_change_of_the_handle_is_mailed(api, deliver, member):
    rename(api, member, "alicia")
    deliver()
    assert mail.outbox[0].subject == "Your handle was changed"
    assert "@alice → @alicia" in mail.outbox[0].body


@pytest.mark.django_db(transaction=True)
def test_of_concurrent_changes_of_the_handle_one_wins(alice, bob):
    def change():
        user = users.pop()
        try:
            return changes.change_handle(user, handle="wanted").handle
        except DomainError as error:
            return error.code

    users = [alice, bob]
    assert sorted(in_threads(2, change)) == ["handle_taken", "wanted"]
    assert WithheldHandle.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_changes_of_a_handle_at_once_are_one_change(alice):
    wanted = ["alicia", "alison"]

    def change():
        try:
            return changes.change_handle(alice, handle=wanted.pop()).handle
        except DomainError as error:
            return error.code

    chosen, refused = sorted(in_threads(2, change), key=lambda result: "handle" in result)
    assert refused == "handle_change_too_soon"
    assert list(WithheldHandle.objects.values_list("handle", flat=True)) == ["alice"]
    assert User.objects.get().handle == chosen


# ── E-mail address ───────────────────────────────────────────────────────────────────────────────────────
def change(api, user, email=NEW, password=PASSWORD):
    return api(user).post("/auth/email/change", {"email": email, "password": password})


def token_to(address, path=""):
    """Of the newest mail to this address."""
    bodies = [message.body for message in mail.outbox if message.to == [address]]
    return re.search(rf"/{path}[a-z-]*\?token=([\w-]+)", bodies[-1])[1]


def confirm(api, token):
    return api(None).post("/auth/email/change/confirm", {"token": token})


def revert(api, token, password=NEW_PASSWORD):
    return api(None).post("/auth/email/revert", {"token": token, "new_password": password})


def changed(api, deliver, user, email=NEW, password=PASSWORD):
    """Change the address and use the link. Returns the token that reverts it."""
    old = User.objects.get(pk=user.pk).email
    assert change(api, user, email, password).status_code == 202
    deliver()
    assert confirm(api, token_to(email, "confirm-new-email")).status_code == 204
    deliver()
    return token_to(old, "revert-email")


def test_new_address_counts_when_its_link_is_used(api, deliver, member):
    asked = change(api, member)
    assert asked.status_code == 202
    assert asked.json()["email"] == "alice@example.org"
    assert asked.json()["pending"]["email"] == NEW
    assert api(member).get("/auth/email/change").json() == asked.json()
    deliver()
    assert [(message.to, message.subject) for message in mail.outbox] == [
        ([NEW], "Confirm your new e-mail address"),
        (["alice@example.org"], "Your e-mail address is about to change"),
    ]
    assert "Alice" not in mail.outbox[0].body  # a stranger may have that address
    assert "ignore this mail" in mail.outbox[0].body
    member.refresh_from_db()
    assert member.email == "alice@example.org"
    token = token_to(NEW)
    assert confirm(api, token).status_code == 204
    assert confirm(api, token).status_code == 204  # opened twice
    state = api(member).get("/auth/email/change").json()
    assert state == {"email": NEW, "email_verified": True, "pending": None}
    deliver()
    assert mail.outbox[-1].to == ["alice@example.org"]
    assert mail.outbox[-1].subject == "Your e-mail address was changed"
    assert "within 7 days" in mail.outbox[-1].body
    assert kinds(member) == ["email_change_requested", "email_changed"]


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"email": NEW, "password": "wrong"}, 403, "wrong_password"),
        ({"email": NEW}, 400, "validation_error"),
        ({"email": "no address", "password": PASSWORD}, 400, "validation_error"),
        ({"email": "ALICE@example.org", "password": PASSWORD}, 400, "validation_error"),
    ],
)
def test_change_of_the_address_is_refused(api, member, body, status, problem):
    refused = api(member).post("/auth/email/change", body)
    assert (refused.status_code, code(refused)) == (status, problem)
    assert not EmailChange.objects.exists()


def test_taken_address_is_answered_alike_and_its_owner_is_told(api, deliver, member, carol):
    free, taken = change(api, member).json(), change(api, member, carol.email).json()
    assert free["pending"].keys() == taken["pending"].keys()
    deliver()
    (message,) = [message for message in mail.outbox if message.to == [carol.email]]
    assert message.subject == "You already have an account"
    assert "token=" not in message.body


def test_address_that_is_taken_before_the_link_is_used_is_refused(api, deliver, member):
    change(api, member)
    deliver()
    UserFactory(email=NEW)
    assert code(confirm(api, token_to(NEW))) == "email_taken"
    member.refresh_from_db()
    assert member.email == "alice@example.org"


def test_cancelled_replaced_and_expired_links_do_not_work(api, deliver, member, time_machine):
    change(api, member)
    deliver()
    replaced = token_to(NEW)
    change(api, member, OTHER)
    deliver()
    cancelled = token_to(OTHER)
    assert api(member).delete("/auth/email/change").status_code == 204
    assert api(member).delete("/auth/email/change").status_code == 204
    assert api(member).get("/auth/email/change").json()["pending"] is None
    change(api, member, "third@example.org")
    deliver()
    later(time_machine, 4 * DAY)
    expired = token_to("third@example.org")
    for token in (replaced, cancelled, expired, "x"):
        assert code(confirm(api, token)) == "invalid_link"
    assert kinds(member).count("email_change_cancelled") == 1


def test_link_of_a_replaced_change_does_not_confirm_the_present_one(api, deliver, member):
    change(api, member)
    deliver()
    change(api, member, OTHER)
    assert code(confirm(api, token_to(NEW))) == "invalid_link"
    assert api(member).get("/auth/email/change").json()["pending"]["email"] == OTHER
    assert User.objects.get().email == "alice@example.org"


def test_links_work_for_their_purpose_only(api, deliver, member):
    """That to the old address takes the account back; that to a new one, which a thief may have asked for, does not."""
    back = changed(api, deliver, member)
    change(api, member, "alice@example.org")
    deliver()
    forth = token_to("alice@example.org", "confirm-new-email")
    api(None).post("/auth/password/reset", {"email": NEW})
    deliver()
    password = token_to(NEW, "reset-password")
    for token in (forth, password):
        assert code(revert(api, token)) == "invalid_link"
    for token in (back, password):
        assert code(confirm(api, token)) == "invalid_link"
    for token in (back, forth):
        body = {"token": token, "new_password": NEW_PASSWORD}
        assert code(api(None).post("/auth/password/reset/confirm", body)) == "invalid_link"
        assert code(api(None).post("/auth/email/confirm", {"token": token})) == "invalid_link"
    member.refresh_from_db()
    assert (member.email, member.check_password(PASSWORD)) == (NEW, True)


def test_password_reset_cancels_a_pending_change(api, deliver, member):
    change(api, member)
    api(None).post("/auth/password/reset", {"email": member.email})
    deliver()
    reset = {"token": token_to(member.email, "reset-password"), "new_password": NEW_PASSWORD}
    assert api(None).post("/auth/password/reset/confirm", reset).status_code == 204
    assert code(confirm(api, token_to(NEW))) == "invalid_link"


def test_new_password_cancels_a_pending_change(api, deliver, member):
    change(api, member)
    deliver()
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert api(member).post("/auth/password", body).status_code == 204
    assert api(member).get("/auth/email/change").json()["pending"] is None
    assert code(confirm(api, token_to(NEW))) == "invalid_link"


def test_links_to_set_a_password_that_were_sent_to_the_former_address_die(api, deliver, member):
    api(None).post("/auth/password/reset", {"email": member.email})
    deliver()
    token = token_to(member.email, "reset-password")
    revert_token = changed(api, deliver, member)
    assert revert(api, revert_token).status_code == 204  # the account has that address again
    body = {"token": token, "new_password": "yet another battery"}
    assert code(api(None).post("/auth/password/reset/confirm", body)) == "invalid_link"


# ── Taking an account back ───────────────────────────────────────────────────────────────────────────────
def test_old_address_takes_the_account_back(api, deliver, member):
    token = changed(api, deliver, member)
    thief = api(member)
    assert code(revert(api, token, "short")) == "validation_error"
    assert revert(api, token).status_code == 204
    member.refresh_from_db()
    assert member.email == "alice@example.org"
    assert member.email_verified_at
    assert member.check_password(NEW_PASSWORD)
    assert thief.get("/auth/me").status_code == 401
    assert not Session.objects.owned_by(member.pk).live().exists()
    assert set(Session.objects.values_list("end_reason", flat=True)) == {"email_reverted"}
    assert code(revert(api, token)) == "invalid_link"
    deliver()
    assert mail.outbox[-1].subject == "Your e-mail address was restored"
    assert mail.outbox[-1].to == ["alice@example.org"]


@pytest.mark.parametrize(
    ("age", "age_of_codes", "kept", "codes_kept"),
    [(0, 0, False, False), (2, 2, True, True), (0, 2, False, False), (2, 0, True, False)],
)
def test_second_factors_of_a_thief_are_removed_with_the_change(
    api, deliver, member, age, age_of_codes, kept, codes_kept
):
    """Those that were set up within a day before the change, or since. Without another one the codes are removed."""
    device, _codes = enrol(member)
    passkey = Passkey.objects.create(user=member, name="x", is_backup_eligible=False, is_backed_up=False)
    for added in (type(device).objects.all(), Passkey.objects.filter(pk=passkey.pk)):
        added.update(created_at=timezone.now() - age * DAY)
    RecoveryCode.objects.update(created_at=timezone.now() - age_of_codes * DAY)
    changes.change_email(member, email=NEW, password=PASSWORD)
    deliver()
    changes.confirm_email_change(token_to(NEW, "confirm-new-email"))
    deliver()
    assert revert(api, token_to("alice@example.org", "revert-email")).status_code == 204
    assert two_factor.is_enrolled(member) is kept
    assert bool(two_factor.recovery_codes_left(member)) is codes_kept


def test_earliest_address_wins_over_later_changes(api, deliver, member):
    first = changed(api, deliver, member, NEW)
    second = changed(api, deliver, member, OTHER)
    change(api, member, "third@example.org")
    deliver()
    assert revert(api, first).status_code == 204
    assert code(revert(api, second)) == "invalid_link"
    assert code(confirm(api, token_to("third@example.org"))) == "invalid_link"
    member.refresh_from_db()
    assert member.email == "alice@example.org"


def test_address_in_between_leaves_the_way_back_to_the_first_one(api, deliver, member):
    first = changed(api, deliver, member, NEW)
    second = changed(api, deliver, member, OTHER)
    assert revert(api, second).status_code == 204
    assert User.objects.get(pk=member.pk).email == NEW
    assert revert(api, first).status_code == 204
    assert User.objects.get(pk=member.pk).email == "alice@example.org"


def test_old_address_is_reserved_for_7_days(api, anonymous, deliver, member, time_machine):
    token = changed(api, deliver, member)
    sign_up = {"handle": "someone", "email": "alice@example.org", "password": PASSWORD}
    assert code(anonymous.post("/users", sign_up)) == "email_taken"
    carol = UserFactory(handle="carol", email_verified_at=timezone.now())
    mail.outbox.clear()
    assert change(api, carol, "alice@example.org").status_code == 202
    deliver()
    assert [message.to for message in mail.outbox] == [["carol@example.org"]]
    dora = UserFactory(handle="dora")  # whose address was never confirmed
    assert code(change(api, dora, "alice@example.org")) == "email_taken"
    later(time_machine, 7 * DAY)
    assert code(revert(api, token)) == "invalid_link"
    assert anonymous.post("/users", sign_up).status_code == 201


def test_erased_account_cannot_be_taken_back(api, deliver, member):
    token = changed(api, deliver, member)
    services.erase_now(member)
    assert code(revert(api, token)) == "invalid_link"


# ── An address mistyped at sign-up ───────────────────────────────────────────────────────────────────────
def test_address_that_was_never_confirmed_is_replaced_at_once(api, anonymous, deliver):
    typed = {"handle": "alice", "email": "alcie@example.org", "password": PASSWORD}
    assert anonymous.post("/users", typed).status_code == 201
    deliver()
    alice = User.objects.get()
    old = token_to("alcie@example.org")
    answer = change(api, alice, "alice@example.org")
    assert answer.status_code == 202
    assert answer.json() == {"email": "alice@example.org", "email_verified": False, "pending": None}
    deliver()
    assert [message.to for message in mail.outbox] == [["alcie@example.org"], ["alice@example.org"]]
    assert code(anonymous.post("/auth/email/confirm", {"token": old})) == "invalid_link"
    assert anonymous.post("/auth/email/confirm", {"token": token_to("alice@example.org")}).status_code == 204
    # Typed back: the dead link stays dead.
    User.objects.update(email_verified_at=None)
    change(api, alice, "alcie@example.org")
    assert code(anonymous.post("/auth/email/confirm", {"token": old})) == "invalid_link"


def test_correction_to_a_taken_address_is_refused_as_at_sign_up(api, alice, bob):
    refused = change(api, alice, bob.email)
    assert (refused.status_code, code(refused)) == (409, "email_taken")


@pytest.mark.parametrize(("verified", "others", "allowed"), [(False, 0, 3), (True, 0, 3), (False, 8, 2)])
def test_changes_of_the_address_are_limited(settings, rf, alice, verified, others, allowed):
    """Three in an hour for an account; corrections share the limit of sign-up."""
    settings.RATE_LIMITS_ENABLED = True
    alice.email_verified_at = timezone.now() if verified else None
    request = rf.post("/", REMOTE_ADDR="203.0.113.7")
    for number in range(others):
        attempts.count_email_change(request, UserFactory(), f"{number}@example.net")
    for number in range(allowed):
        attempts.count_email_change(request, alice, f"a{number}@example.net")
    with pytest.raises(TooManyRequests):
        attempts.count_email_change(request, alice, "last@example.net")


# ── Races ────────────────────────────────────────────────────────────────────────────────────────────────
WITH_PASSWORD = {
    "password": lambda user, session: services.change_password(
        user, current=PASSWORD, new="yet another battery", session_id=session.pk
    ),
    "address": lambda user, session: changes.change_email(user, email=OTHER, password=PASSWORD),
    "deletion": lambda user, session: services.leave(user, password=PASSWORD),
    "deactivation": lambda user, session: services.deactivate(user, password=PASSWORD),
    "export": lambda user, session: services.request_export(user, password=PASSWORD),
    "confirmation": lambda user, session: confirmation.by_password(user, session.pk, password=PASSWORD),
}


@pytest.mark.parametrize("action", WITH_PASSWORD)
def test_request_that_knows_the_former_password_is_refused_after_a_reset(api, deliver, member, action):
    """It was loaded before the account was taken back, and is carried out after that."""
    token = changed(api, deliver, member)
    session, loaded = services.open_session(member), User.objects.get(pk=member.pk)
    assert revert(api, token).status_code == 204
    with pytest.raises(services.WrongPassword):
        WITH_PASSWORD[action](loaded, session)
    member.refresh_from_db()
    assert member.check_password(NEW_PASSWORD)
    assert (member.email, member.state) == ("alice@example.org", "active")
    assert not EmailChange.objects.filter(state="pending").exists()


@pytest.mark.django_db(transaction=True)
def test_two_changes_of_the_address_at_once_end_in_one_clear_state(api, deliver, alice):
    User.objects.update(email_verified_at=timezone.now())
    wanted = [NEW, OTHER]
    in_threads(2, lambda: changes.change_email(alice, email=wanted.pop(), password=PASSWORD))
    deliver()
    states = dict(EmailChange.objects.values_list("new_email", "state"))
    pending = api(alice).get("/auth/email/change").json()["pending"]["email"]
    assert states == {pending: "pending", ({NEW, OTHER} - {pending}).pop(): "cancelled"}
    # Only the link of the pending change exists, and of two clicks at once both succeed with one effect.
    token = token_to(pending)
    in_threads(2, lambda: changes.confirm_email_change(token))
    assert User.objects.get().email == pending
    assert kinds(alice).count("email_changed") == 1


@pytest.mark.django_db(transaction=True)
def test_two_accounts_that_confirm_the_same_address_at_once(deliver, alice, bob):
    User.objects.update(email_verified_at=timezone.now())
    for user in (alice, bob):
        changes.change_email(user, email=NEW, password=PASSWORD)
    deliver()
    tokens = [re.search(r"token=([\w-]+)", message.body)[1] for message in mail.outbox if message.to == [NEW]]

    def click():
        try:
            changes.confirm_email_change(tokens.pop())
        except DomainError as error:
            return error.code
        return "changed"

    assert sorted(in_threads(2, click)) == ["changed", "email_taken"]
    assert User.objects.filter(email=NEW).count() == 1
