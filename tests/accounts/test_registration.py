"""Who may sign up: modes, invitations, applications, domains, proof of work, minimum age. Every mail is read."""

import base64
import json
import re
from datetime import timedelta

import altcha
import pytest
from django.core import mail
from django.utils import timezone

from apps.accounts import email_domains, erasure, housekeeping, invitations, privacy, proof_of_work, registration
from apps.accounts import services as accounts
from apps.accounts.models import Application, EmailDomain, Erasure, Invitation, InvitationUse, User, WithheldHandle
from apps.core import cache
from apps.core.errors import DomainError, Invalid
from apps.site import services as site
from tests.conftest import Caller
from tests.factories import PASSWORD, UserFactory
from tests.moderation.people import make_moderator
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
DORA = {"handle": "dora", "email": "dora@example.org", "password": PASSWORD}
PENDING = {"reason": "I photograph lighthouses."}


def sign_up(**changes):
    return Caller().post("/users", DORA | changes)


def code(answer):
    return (answer.status_code, answer.json()["code"])


def field_codes(answer):
    return {error["field"]: error["code"] for error in answer.json()["errors"]}


def sign_in():
    return Caller().post("/auth/token", {"login": "dora", "password": PASSWORD})


def letter_of(deliver):
    """The text of the mail that was sent last, and its subject."""
    deliver()
    letter = mail.outbox[-1]
    assert letter.to == [DORA["email"]]
    return letter.subject, letter.body


# ── Modes ────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("mode", "inviter", "expected"),
    [
        ("open", None, 201),
        ("open", "member", 201),
        ("open", "operator", 201),
        ("approval", None, 202),
        ("approval", "member", 201),
        ("approval", "operator", 201),
        ("invite", None, (403, "invitation_required")),
        ("invite", "member", 201),
        ("invite", "operator", 201),
        ("closed", None, (403, "registration_closed")),
        ("closed", "nobody", (403, "registration_closed")),
        ("closed", "member", (403, "registration_closed")),
        ("closed", "operator", 201),
    ],
)
def test_mode_decides_who_can_sign_up(alice, mode, inviter, expected):
    invitation = invitations.create(alice.pk, max_uses=1, days=1, by_operator=inviter == "operator")
    site.change_settings(registration=mode)
    assert Caller().get("/instance").json()["registration"] == mode
    typed = {None: {}, "nobody": {"invitation": "abcdefghjkmn"}}.get(inviter, {"invitation": invitation.code.upper()})
    answer = sign_up(**PENDING, **typed)
    assert (answer.status_code if isinstance(expected, int) else code(answer)) == expected
    assert User.objects.filter(handle="dora").exists() is isinstance(expected, int)
    invitation.refresh_from_db()
    assert invitation.uses == (bool(typed) and expected == 201)


@pytest.mark.parametrize("by_operator", [True, False])
def test_invitation_of_the_operator_is_valid_while_registration_is_closed(alice, by_operator):
    invitation = invitations.create(alice.pk, max_uses=2, days=1, by_operator=by_operator)
    path = f"/invitations/{invitation.code}"
    for mode in ("open", "closed", "invite"):
        site.change_settings(registration=mode)
        assert Caller().get(path).json()["valid"] is (by_operator or mode != "closed"), mode
    # The rule holds where the place is taken as well: the mode may change while a sign-up is checked.
    site.change_settings(registration="closed")
    if not by_operator:
        with pytest.raises(invitations.InvalidInvitation):
            invitations.redeem(invitation.code, user=UserFactory())


@pytest.mark.parametrize("kind", ["used up", "expired", "revoked", "of a suspended member"])
def test_unusable_invitation_of_the_operator_does_not_open_a_closed_site(alice, kind):
    site.change_settings(registration="closed")
    invitation = invitations.create(alice.pk, max_uses=1, days=1, by_operator=True)
    UNUSABLE[kind](invitation)
    assert code(sign_up(invitation=invitation.code)) == (403, "registration_closed")


def test_nobody_invites_through_the_api_while_registration_is_closed(api, alice):
    site.change_settings(registration="closed")
    for user in (alice, make_moderator("root", "admin")):
        assert code(api(user).post("/invitations")) == (403, "registration_closed")
    assert not Invitation.objects.exists()


# ── Invitations ──────────────────────────────────────────────────────────────────────────────────────────
def use_up(invitation):
    accounts_of = UserFactory(handle="guest")
    invitations.redeem(invitation.code, user=accounts_of)


UNUSABLE = {
    "unknown": lambda invitation: Invitation.objects.update(code="abcdefghjkmn"),
    "used up": use_up,
    "expired": lambda invitation: Invitation.objects.update(expires_at=timezone.now()),
    "revoked": invitations.revoke,
    "of a suspended member": lambda invitation: accounts.suspend(invitation.creator, reason="spam"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_unusable_invitations_are_refused_alike(alice, kind):
    site.change_settings(registration="invite")
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    assert Caller().get(f"/invitations/{invitation.code}").json()["valid"] is True
    UNUSABLE[kind](invitation)
    assert Caller().get(f"/invitations/{invitation.code}").json() == {"valid": False, "expires_at": None}
    assert code(sign_up(invitation=invitation.code)) == (400, "invalid_invitation")
    assert not User.objects.filter(handle="dora").exists()


def test_refused_sign_up_does_not_use_the_invitation(alice):
    site.change_settings(registration="invite")
    invitation = invitations.create(alice.pk, max_uses=1, days=1)
    assert code(sign_up(invitation=invitation.code, email=alice.email)) == (409, "email_taken")
    assert sign_up(invitation=invitation.code).status_code == 201


def test_members_invite_within_their_quota_and_see_their_own_invitations(api, alice, bob):
    site.change_settings(invitations_per_member=3)
    made = api(alice).post("/invitations", {"max_uses": 2, "days": 1}).json()
    assert made["url"].endswith(f"/invite/{made['code']}")
    refused = api(alice).post("/invitations", {"max_uses": 2})
    assert (code(refused), refused.json()["left"]) == ((409, "invitation_quota_exceeded"), 1)
    assert api(alice).post("/invitations").status_code == 201
    assert [row["code"] for row in api(alice).get("/invitations").json()["results"]][1:] == [made["code"]]
    assert api(bob).get("/invitations").json()["results"] == []
    assert api(bob).delete(f"/invitations/{made['code']}").status_code == 404
    # A person who has joined still counts after the end, a free place does not.
    invitations.redeem(made["code"], user=UserFactory(handle="guest"))
    for _ in range(2):
        assert api(alice).delete(f"/invitations/{made['code']}").status_code == 204
    assert invitations.quota_of(alice.pk) == invitations.Quota(3, used=2)
    Invitation.objects.filter(code=made["code"]).update(revoked_at=timezone.now() - timedelta(days=91))
    assert housekeeping.purge_invitations() == 1
    assert invitations.quota_of(alice.pk).left == 2
    assert not InvitationUse.objects.exists()


def test_guesses_of_codes_are_limited_without_redis_too(alice, settings, monkeypatch):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"invitation": (2, 300)}

    def away(command):
        raise cache.RedisUnavailable

    monkeypatch.setattr(cache, "call", away)
    codes = [Caller().get("/invitations/abcdefghjkmn").status_code for _ in range(3)]
    assert codes == [200, 200, 429]


@pytest.mark.django_db(transaction=True)
def test_concurrent_sign_ups_never_exceed_the_uses_of_an_invitation():
    invitation = invitations.create(UserFactory(handle="alice").pk, max_uses=2, days=1)
    people = iter([f"guest{n}" for n in range(6)])

    def join():
        name = next(people)
        try:
            registration.register(
                handle=name, email=f"{name}@example.org", password=PASSWORD, invitation=invitation.code
            )
        except invitations.InvalidInvitation:
            return False
        return True

    assert sum(in_threads(6, join)) == 2
    invitation.refresh_from_db()
    assert (invitation.uses, InvitationUse.objects.count()) == (2, 2)
    assert User.objects.filter(handle__startswith="guest").count() == 2


@pytest.mark.django_db(transaction=True)
def test_concurrent_invitations_stay_within_the_quota():
    alice = UserFactory(handle="alice")
    site.change_settings(invitations_per_member=2)

    def invite():
        try:
            invitations.invite(alice.pk)
        except invitations.InvitationQuotaExceeded:
            return False
        return True

    assert sum(in_threads(4, invite)) == 2


# ── Applications ─────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def application(db):
    site.change_settings(registration="approval")
    assert sign_up(**PENDING).status_code == 202
    return Application.objects.get()


def test_application_needs_a_reason(db):
    site.change_settings(registration="approval")
    for reason in ("", "  \n", "\u200b"):
        assert field_codes(sign_up(reason=reason)) == {"reason": "required"}
    assert not User.objects.exists()


def test_pending_account_is_hidden_and_cannot_sign_in(api, alice, application, deliver):
    answer = sign_up(handle="other", email="other@example.org", **PENDING).json()
    assert (answer["status"], answer["email"]) == ("pending", "other@example.org")
    deliver()
    mail.outbox.clear()
    assert code(sign_in()) == (403, "account_pending")
    assert code(Caller().post("/auth/token", {"login": "dora", "password": "wrong"})) == (401, "invalid_credentials")
    assert api(alice).get("/users/@dora").status_code == 404
    assert api(alice).get("/search/users?q=dora").json()["results"] == []
    with pytest.raises(DomainError):
        accounts.suspend(application.user, reason="spam")


def test_mail_about_an_application_confirms_the_address_and_says_what_happens_next(application, deliver):
    subject, text = letter_of(deliver)
    assert subject == "Confirm your e-mail address: your application"
    assert "within 30 days" in " ".join(text.split())
    token = re.search(r"confirm-email\?token=([\w-]+)", text)[1]
    assert Caller().post("/auth/email/confirm", {"token": token}).status_code == 204
    assert User.objects.get(handle="dora").email_verified_at


def test_approved_account_can_sign_in_and_is_not_erased(api, mod, application, deliver):
    decided = api(mod).post(f"/moderation/applications/{application.pk}/decide", {"decision": "approve", "note": "Hi!"})
    assert decided.json()["status"] == "approved"
    subject, text = letter_of(deliver)
    assert subject == "Your application was accepted"
    assert "/login" in text
    assert "Hi!" in text
    assert "If you did not apply" in text
    assert sign_in().status_code == 200
    assert User.objects.get(handle="dora").erase_after is None
    again = api(mod).post(f"/moderation/applications/{application.pk}/decide", {"decision": "approve"})
    assert again.status_code == 200
    other = api(mod).post(f"/moderation/applications/{application.pk}/decide", {"decision": "reject", "note": "No."})
    assert code(other) == (409, "application_decided")
    assert len(mail.outbox) == 2


def test_rejected_applicant_reads_the_reason_and_is_erased_after_a_week(api, mod, application, deliver):
    path = f"/moderation/applications/{application.pk}/decide"
    assert field_codes(api(mod).post(path, {"decision": "reject"})) == {"note": "blank"}
    assert api(mod).post(path, {"decision": "reject", "note": "Only lighthouse keepers."}).status_code == 200
    subject, text = letter_of(deliver)
    assert subject == "Your application was not accepted"
    assert "Only lighthouse keepers." in text
    assert "in 7 days" in text
    assert "If you did not apply" in text
    refused = sign_in()
    assert (code(refused), refused.json()["reason"]) == ((403, "application_rejected"), "Only lighthouse keepers.")
    erase_when_due(application.user_id, deliver)


def test_undecided_application_is_erased_after_thirty_days(application, deliver):
    waits = application.user.erase_after - timezone.now()
    assert timedelta(days=29, hours=23) < waits <= timedelta(days=30)
    erase_when_due(application.user_id, deliver)


def erase_when_due(user_id, deliver):
    """The account is erased when its time has come, not before; its handle was never visible, so it is free again."""
    erasure.erase(user_id)
    assert User.objects.filter(pk=user_id).exists()
    assert not Erasure.objects.exists()
    User.objects.filter(pk=user_id).update(erase_after=timezone.now())
    erasure.enqueue_due()
    deliver()
    assert not User.objects.filter(pk=user_id).exists()
    assert not Application.objects.exists()
    assert not WithheldHandle.objects.exists()


def test_only_moderators_see_applications_with_hidden_addresses(api, alice, mod, application):
    assert code(api(alice).get("/moderation/applications")) == (403, "moderator_required")
    [row] = api(mod).get("/moderation/applications?status=pending").json()["results"]
    assert (row["user"]["handle"], row["reason"], row["email"]) == ("dora", PENDING["reason"], "d***@e***.org")
    assert api(mod).get("/moderation/applications?status=approved").json()["results"] == []


@pytest.mark.django_db(transaction=True)
def test_concurrent_opposite_decisions_have_one_winner():
    site.change_settings(registration="approval")
    sign_up(**PENDING)
    application = Application.objects.get()
    callers = iter([Caller(make_moderator(f"mod{n}")) for n in range(2)])
    decisions = iter(["approve", "reject"])

    def decide():
        path = f"/moderation/applications/{application.pk}/decide"
        return next(callers).post(path, {"decision": next(decisions), "note": "x"}).status_code

    assert sorted(in_threads(2, decide)) == [200, 409]


# ── Domains of e-mail addresses ──────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("email", "accepted"),
    [
        ("a@example.org", True),
        ("a@mailinator.com", False),
        ("a@MAILINATOR.com", False),
        ("a@eu.mailinator.com", False),
        ("a@mailinator.example", True),
        ("a@blocked.example", False),
        ("a@deep.blocked.example", False),
        ("a@fine.blocked.example", True),
        ("a@xn--mller-kva.example", False),
        ("a@mail.xn--mller-kva.example", False),
        ("a@yopmail.com", True),
        ("a@sub.yopmail.com", True),
        ("a@localhost", True),
    ],
)
def test_domain_of_an_address_is_checked_with_its_parents(db, email, accepted):
    for domain, effect in {
        "Blocked.Example": "block",
        "fine.blocked.example.": "allow",
        "https://MÜLLER.example/": "block",
        "yopmail.com": "allow",
    }.items():
        email_domains.add_rule(domain=domain, effect=effect, reason="x")
    if accepted:
        email_domains.check_email_domain(email)
    else:
        with pytest.raises(Invalid) as refusal:
            email_domains.check_email_domain(email, field="new_email")
        assert refusal.value.extra["errors"][0]["field"] == "new_email"


def test_blocked_domain_cannot_sign_up(db):
    assert field_codes(sign_up(email="dora@mailinator.com")) == {"email": "blocked_domain"}
    email_domains.add_rule(domain="mailinator.com", effect="allow", reason="x")
    assert sign_up(email="dora@mailinator.com").status_code == 201


def test_blocked_domain_is_refused_when_an_address_is_changed(api, alice):
    answer = api(alice).post("/auth/email/change", {"email": "a@eu.mailinator.com", "password": PASSWORD})
    assert field_codes(answer) == {"email": "blocked_domain"}


@pytest.mark.parametrize("domain", ["", "com", "a b.example", "a..example", "x" * 300 + ".example"])
def test_malformed_domains_make_no_rule(db, domain):
    with pytest.raises(Invalid):
        email_domains.add_rule(domain=domain, effect="block", reason="x")
    assert not EmailDomain.objects.exists()


# ── Proof of work ────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def easy(db, monkeypatch):
    site.change_settings(proof_of_work=True)
    monkeypatch.setattr(proof_of_work, "ITERATIONS", 1)
    monkeypatch.setattr(proof_of_work, "LEAST_TRIES", 2)
    monkeypatch.setattr(proof_of_work, "MOST_TRIES", 5)


def solve(**changes):
    challenge = altcha.Challenge.from_dict(Caller().get("/users/challenge").json())
    solution = altcha.solve_challenge(challenge)
    for name, value in changes.items():
        setattr(challenge.parameters, name, value)
    return altcha.Payload(challenge, solution).to_base64()


def test_solution_is_accepted_once(easy):
    assert Caller().get("/instance").json()["proof_of_work"] is True
    solution = solve()
    assert sign_up(proof_of_work=solution).status_code == 201
    again = sign_up(handle="other", email="other@example.org", proof_of_work=solution)
    assert code(again) == (422, "proof_of_work_required")


def spelled_otherwise(solution):
    return base64.b64encode(json.dumps(json.loads(base64.b64decode(solution)), indent=1).encode()).decode()


def test_other_spelling_of_a_used_solution_is_refused(easy):
    solution = solve()
    proof_of_work.require(solution)
    with pytest.raises(proof_of_work.ProofOfWorkRequired):
        proof_of_work.require(spelled_otherwise(solution))


@pytest.mark.parametrize(
    "make",
    [
        lambda: "",
        lambda: "x",
        lambda: base64.b64encode(b"[]").decode(),
        lambda: base64.b64encode(b'{"challenge": {"parameters": 1}, "solution": 2}').decode(),
        lambda: solve(cost=1, nonce="00" * 16),
        lambda: solve(expires_at=4_000_000_000),
        lambda: solve(key_prefix=""),
    ],
)
def test_forged_solutions_are_refused(easy, make):
    assert code(sign_up(proof_of_work=make())) == (422, "proof_of_work_required")
    assert not User.objects.exists()


def test_expired_challenge_is_refused(easy, monkeypatch):
    monkeypatch.setattr(proof_of_work, "LIFETIME", timedelta(seconds=-5))
    solution = solve()
    monkeypatch.undo()
    site.change_settings(proof_of_work=True)
    assert code(sign_up(proof_of_work=solution)) == (422, "proof_of_work_required")


def test_solution_is_accepted_once_without_redis(easy, monkeypatch):
    def away(command):
        raise cache.RedisUnavailable

    monkeypatch.setattr(cache, "call", away)
    solution = solve()
    proof_of_work.require(solution)
    with pytest.raises(proof_of_work.ProofOfWorkRequired):
        proof_of_work.require(solution)


def test_retry_with_the_same_key_needs_no_further_solution(easy):
    caller, body = Caller(), DORA | {"proof_of_work": solve()}
    first = caller.post("/users", body, HTTP_IDEMPOTENCY_KEY="one")
    again = caller.post("/users", body | {"proof_of_work": solve()}, HTTP_IDEMPOTENCY_KEY="one")
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())


# ── Minimum age ──────────────────────────────────────────────────────────────────────────────────────────
def born(years, days=0):
    today = timezone.now().date()
    date = today.replace(year=today.year - years) if (today.month, today.day) != (2, 29) else today.replace(day=28)
    return (date + timedelta(days=days)).isoformat()


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (born(16), None),
        (born(70), None),
        (born(16, days=1), "under_age"),
        (born(1), "under_age"),
        (None, "required"),
        ("2010", "invalid"),
        (born(0, days=1), "invalid"),
        ("1850-01-01", "invalid"),
    ],
)
def test_minimum_age_is_checked_and_only_its_result_is_stored(db, date, expected):
    site.change_settings(minimum_age=16)
    answer = sign_up(**({"date_of_birth": date} if date else {}))
    if expected is None:
        assert answer.status_code == 201
        user = User.objects.get()
        assert user.of_age_at
        assert date not in str(vars(user))
    elif expected == "under_age":
        assert code(answer) == (403, "under_age")
    else:
        assert field_codes(answer) == {"date_of_birth": expected}


# ── Privacy ──────────────────────────────────────────────────────────────────────────────────────────────
def test_export_and_erasure_contain_registration_data(alice, bob, application):
    invitation = invitations.create(alice.pk, max_uses=2, days=1)
    invitations.redeem(invitation.code, user=bob)
    of_alice, of_bob, of_dora = (dict(privacy.export(user)) for user in (alice.pk, bob.pk, application.user_id))
    assert of_alice["invitations"]["code"] == invitation.code
    assert of_bob["joined_by"]["invited_by"] == str(alice.pk)
    assert of_dora["application"]["reason"] == PENDING["reason"]
    privacy.erase(alice.pk)
    assert not Invitation.objects.exists()
    assert User.objects.filter(pk=bob.pk).exists()
