"""Second factors of members through the API: sign-in, setup, removal, recovery, replays."""

import time
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as django_settings
from django.core import mail
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import housekeeping, passkeys, privacy, services, two_factor
from apps.accounts.models import Passkey, RecoveryCode, Session, SpentChallenge, User
from apps.core.db.ids import new_id
from apps.moderation.models import StaffAct
from tests.authenticator import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    USER_PRESENT,
    USER_VERIFIED,
    Authenticator,
    add_passkey,
    decode,
    encode,
)
from tests.commands import run
from tests.conftest import Caller
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD, UserFactory
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
FACTORS = "/users/me/second-factors"
NEW = "another battery staple"


def token(**body):
    return Caller().post("/auth/token", body)


def by_password(login="alice", **more):
    return token(login=login, password=PASSWORD, **more)


def outcome(response):
    """The status with the code of the error, if it is one."""
    body = response.json() if response.content else {}
    return (response.status_code, body["code"]) if "code" in body else response.status_code


def passkey_body(authenticator):
    """The body of a sign-in with a passkey alone."""
    ceremony = Caller().post("/auth/passkey-options").json()
    return {
        "grant_type": "passkey",
        "challenge": ceremony["challenge"],
        "passkey": authenticator.get(ceremony["options"]),
    }


def second_step(started, **proof):
    return {"grant_type": "second_factor", "challenge": started["challenge"], **proof}


def age(caller):
    """Let the sign-in of the session be so long ago that it counts no longer as a confirmation."""
    Session.objects.filter(pk=caller.login.pk).update(created_at=timezone.now() - timedelta(hours=1))


def notices(deliver):
    """The subjects of the new mails, all of which say what to do if it was not the reader."""
    mail.outbox.clear()
    deliver()
    assert all("If this was not you, set a new password now." in sent.body for sent in mail.outbox)
    return [sent.subject for sent in mail.outbox]


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────
class TestSecondStep:
    def test_password_alone_opens_no_session_and_says_how_to_go_on(self, alice):
        enrol(alice)
        add_passkey(alice)
        problem = by_password()
        assert outcome(problem) == (401, "second_factor_required")
        body = problem.json()
        assert body["methods"] == ["totp", "passkey", "recovery_code"]
        assert body["passkey_options"]["rpId"] == django_settings.PASSKEY_DOMAIN
        assert body["expires_in"] == 600
        assert not Session.objects.exists()

    def test_code_completes_the_sign_in_in_one_request_or_two(self, alice):
        device, codes = enrol(alice)
        challenge = by_password().json()["challenge"]
        assert outcome(token(grant_type="second_factor", challenge=challenge, code=code_of(device))) == 200
        assert outcome(by_password(code=codes[0])) == 200
        assert Session.objects.filter(two_factor=True).count() == 2

    def test_passkey_completes_the_sign_in(self, alice):
        _, authenticator = add_passkey(alice)
        started = by_password().json()
        assert started["methods"] == ["passkey", "recovery_code"]
        assert [decode(each["id"]) for each in started["passkey_options"]["allowCredentials"]] == [
            authenticator.credential_id
        ]
        body = {"grant_type": "second_factor", "challenge": started["challenge"], "device_name": "Phone"}
        answer = token(**body, passkey=authenticator.get(started["passkey_options"]))
        assert outcome(answer) == 200
        assert answer.json()["user"]["handle"] == "alice"
        assert Session.objects.get().device_name == "Phone"

    def test_codes_work_once(self, alice):
        device, codes = enrol(alice)
        for code in (code_of(device), codes[0]):
            outcomes = []
            for _ in range(2):
                challenge = by_password().json()["challenge"]
                outcomes.append(outcome(token(grant_type="second_factor", challenge=challenge, code=code)))
            assert outcomes == [200, (400, "wrong_code")]

    @pytest.mark.parametrize("spoil", ["forged", "expired", "password", "erased", "of a passkey"])
    def test_challenge_is_refused_if_it_does_not_count(self, spoil, alice):
        device, _ = enrol(alice)
        challenge = by_password().json()["challenge"]
        code = code_of(device)
        if spoil == "forged":
            challenge = challenge[:-2] + "xx"
        elif spoil == "password":
            alice.set_password(NEW)
            alice.save()
        elif spoil == "erased":
            User.objects.filter(pk=alice.pk).update(state="erased")
        elif spoil == "of a passkey":
            challenge = passkeys.begin().challenge
        with time_machine.travel(timezone.now() + timedelta(minutes=11 if spoil == "expired" else 0), tick=True):
            refused = token(grant_type="second_factor", challenge=challenge, code=code)
        assert outcome(refused) == (401, "invalid_challenge")
        assert not Session.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"code": "123456", "passkey": {"id": "a", "rawId": "a", "response": {}}},
            {"passkey": []},
            {"passkey": {"id": "a", "rawId": 1, "response": {}}},
            {"code": 123456},
        ],
        ids=str,
    )
    def test_malformed_body_is_refused(self, body, alice):
        enrol(alice)
        challenge = by_password().json()["challenge"]
        refused = token(grant_type="second_factor", challenge=challenge, **body)
        assert outcome(refused) == (400, "validation_error")

    def test_suspended_member_learns_the_reason_only_after_the_second_factor(self, alice):
        device, _ = enrol(alice)
        services.suspend(alice, reason="Misuse.")
        started = by_password()
        assert outcome(started) == (401, "second_factor_required")
        challenge = started.json()["challenge"]
        answer = token(grant_type="second_factor", challenge=challenge, code=code_of(device))
        assert outcome(answer) == (403, "account_suspended")

    @pytest.mark.parametrize("state", ["suspended", "deactivated"])
    @pytest.mark.parametrize("way", ["recovery code", "both at once", "passkey", "passkey alone"])
    def test_factor_is_not_used_up_while_the_user_has_to_answer(self, state, way, alice):
        """The same body with the answer signs in, and does not do so again."""
        _, codes = enrol(alice)
        _, authenticator = add_passkey(alice)
        User.objects.filter(pk=alice.pk).update(state=state)
        started = by_password().json()
        body = {
            "recovery code": lambda: second_step(started, code=codes[0]),
            "both at once": lambda: {"login": "alice", "password": PASSWORD, "code": codes[0]},
            "passkey": lambda: second_step(started, passkey=authenticator.get(started["passkey_options"])),
            "passkey alone": lambda: passkey_body(authenticator),
        }[way]()
        answer = {"suspended": "restricted", "deactivated": "reactivate"}[state]
        refused = {"suspended": (403, "account_suspended"), "deactivated": (409, "account_deactivated")}[state]
        assert [outcome(token(**body)) for _ in range(2)] == [refused, refused]
        assert outcome(token(**body, **{answer: True})) == 200
        assert outcome(token(**body, **{answer: True}))[0] in {400, 401}
        assert Session.objects.count() == 1

    def test_password_reset_does_not_skip_it_and_sessions_stay_valid_after_setup(self, alice):
        caller = Caller(alice)
        enrol(alice)
        assert caller.get("/auth/me").status_code == 200
        alice.set_password(NEW)
        alice.save()
        assert outcome(token(login="alice", password=NEW)) == (401, "second_factor_required")

    @pytest.mark.parametrize("enrolled", [True, False])
    @pytest.mark.parametrize("setting", ["required", "optional"])
    def test_moderator_without_a_second_factor_gets_no_session(self, mod, settings, setting, enrolled):
        settings.STAFF_TWO_FACTOR = setting
        if enrolled:
            enrol(mod)
        expected = {
            (True, "required"): (401, "second_factor_required"),
            (True, "optional"): (401, "second_factor_required"),
            (False, "required"): (403, "two_factor_required"),
            (False, "optional"): 200,
        }[enrolled, setting]
        assert outcome(by_password("mod")) == expected
        assert Session.objects.exists() == (expected == 200)

    def test_attempts_are_limited_by_account_and_by_address(self, alice, settings):
        settings.RATE_LIMITS_ENABLED = True
        settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (2, 900), "sign_in_address": (4, 300)}
        enrol(alice)
        started = by_password().json()
        wrong = {"grant_type": "second_factor", "challenge": started["challenge"], "code": "000000"}
        assert [outcome(token(**wrong))[0] for _ in range(3)] == [400, 400, 429]
        add_passkey(bob := UserFactory(handle="dora"))
        assert outcome(token(**passkey_body(Authenticator(rp_id=django_settings.PASSKEY_DOMAIN))))[0] == 429
        # The owner signs in from where she has signed in before.
        services.open_session(bob, address="127.0.0.1")
        assert outcome(by_password("dora"))[0] == 401


# ── Passkeys ─────────────────────────────────────────────────────────────────────────────────────────────
def cross_account(authenticator, body, others):
    """The key of another account with the id of this one's."""
    return others.get({"challenge": challenge_of(body)}) | {
        "id": encode(authenticator.credential_id),
        "rawId": encode(authenticator.credential_id),
    }


def challenge_of(body):
    return encode(passkeys.challenge_bytes(body["challenge"]))


def signed(authenticator, body, **lies):
    """What the authenticator signs if it lies."""
    for name, value in lies.items():
        setattr(authenticator, name, value)
    return authenticator.get({"challenge": challenge_of(body)})


def spoiled(credential, part, value):
    return credential | {"response": credential["response"] | {part: value}}


REFUSED = {
    "another challenge": lambda a, body, o: a.get({"challenge": encode(b"x" * 32)}),
    "another origin": lambda a, body, o: signed(a, body, origin="https://evil.example"),
    "a name that contains the origin": lambda a, body, o: signed(a, body, origin=f"{a.origin}.evil.example"),
    "another port": lambda a, body, o: signed(a, body, origin="http://localhost:1"),
    "a frame in another site": lambda a, body, o: signed(a, body, is_in_frame=True),
    "another site": lambda a, body, o: signed(a, body, rp_id="evil.example"),
    "no user present": lambda a, body, o: signed(a, body, flags=USER_VERIFIED),
    "user not verified": lambda a, body, o: signed(a, body, flags=USER_PRESENT),
    "another kind of key": lambda a, body, o: signed(a, body, flags=USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE),
    "backed up, not eligible": lambda a, body, o: signed(a, body, flags=USER_PRESENT | USER_VERIFIED | BACKED_UP),
    "a copy that counts less": lambda a, body, o: signed(a, body, count=-1),
    "no user handle": lambda a, body, o: signed(a, body, user_handle=None),
    "user handle of another": lambda a, body, o: signed(a, body, user_handle=o.user_handle),
    "key of another account": cross_account,
    "unknown passkey": lambda a, body, o: signed(Authenticator(rp_id=django_settings.PASSKEY_DOMAIN), body),
    "forged signature": lambda a, body, o: spoiled(a.get({"challenge": challenge_of(body)}), "signature", "AAAA"),
    "garbage": lambda a, body, o: spoiled(a.get({"challenge": challenge_of(body)}), "authenticatorData", "AAAA"),
    "no base64": lambda a, body, o: spoiled(a.get({"challenge": challenge_of(body)}), "clientDataJSON", "\0é"),
    "a list for an object": lambda a, body, o: spoiled(
        a.get({"challenge": challenge_of(body)}), "clientDataJSON", encode(b"[]")
    ),
    "a new passkey": lambda a, body, o: spoiled(
        a.get({"challenge": challenge_of(body)}),
        "clientDataJSON",
        encode(f'{{"type":"webauthn.create","challenge":"{challenge_of(body)}","origin":"{a.origin}"}}'.encode()),
    ),
    "an id without base64": lambda a, body, o: a.get({"challenge": challenge_of(body)}) | {"rawId": "é"},
}


class TestPasskey:
    def test_passkey_alone_signs_in(self, alice):
        passkey, authenticator = add_passkey(alice)
        answer = token(**passkey_body(authenticator), device_name="Laptop")
        assert outcome(answer) == 200
        session = Session.objects.get()
        assert (session.user, session.two_factor, session.device_name) == (alice, True, "Laptop")
        passkey.refresh_from_db()
        assert passkey.sign_count == 1
        assert passkey.last_used_at

    def test_options_ask_for_a_verified_user_and_name_nobody(self, alice):
        add_passkey(alice)
        options = Caller().post("/auth/passkey-options").json()["options"]
        assert (options["userVerification"], options["allowCredentials"]) == ("required", [])
        creation = Caller(alice).post(f"{FACTORS}/passkeys/options").json()["options"]
        assert creation["authenticatorSelection"] == {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        }
        assert len(creation["excludeCredentials"]) == 1
        assert creation["rp"] == {"id": django_settings.PASSKEY_DOMAIN, "name": "Photogram"}
        assert creation["attestation"] == "none"

    def test_synced_passkey_does_not_count(self, alice):
        flags = USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
        passkey, authenticator = add_passkey(alice, Authenticator(counts=False, flags=flags))
        assert (passkey.is_backup_eligible, passkey.is_backed_up) == (True, True)
        authenticator.flags = flags & ~BACKED_UP
        assert outcome(token(**passkey_body(authenticator))) == 200
        assert outcome(token(**passkey_body(authenticator))) == 200
        passkey.refresh_from_db()
        assert (passkey.is_backup_eligible, passkey.is_backed_up) == (True, False)

    @pytest.mark.parametrize("case", REFUSED)
    def test_false_assertion_is_refused(self, case, alice, carol):
        _, authenticator = add_passkey(alice, Authenticator(count=5))
        _, others = add_passkey(carol)
        body = passkey_body(authenticator)
        body["passkey"] = REFUSED[case](authenticator, body, others)
        assert outcome(token(**body)) == (400, "invalid_passkey")
        assert not Session.objects.exists()
        assert not SpentChallenge.objects.filter(digest=passkeys.challenge_bytes(body["challenge"]).hex()).exists()

    @pytest.mark.parametrize("counts", [True, False])
    def test_replayed_assertion_is_refused(self, counts, alice):
        _, authenticator = add_passkey(alice, Authenticator(counts=counts))
        body = passkey_body(authenticator)
        assert [outcome(token(**body)) for _ in range(2)] == [200, (400, "invalid_passkey")]

    def test_expired_and_forged_challenges_are_refused(self, alice):
        _, authenticator = add_passkey(alice)
        body = passkey_body(authenticator)
        for forged in (body["challenge"][:-2] + "xx", "x", passkeys.begin_registration(alice).challenge):
            assert outcome(token(**body | {"challenge": forged})) == (400, "invalid_passkey")
        with time_machine.travel(timezone.now() + timedelta(minutes=11)):
            assert outcome(token(**body)) == (400, "invalid_passkey")

    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("suspended", (403, "account_suspended")),
            ("deactivated", (409, "account_deactivated")),
            ("pending", (403, "account_pending")),
            ("erased", (401, "invalid_credentials")),
        ],
    )
    def test_passkey_alone_does_not_open_an_account_that_is_not_active(self, state, expected, alice):
        _, authenticator = add_passkey(alice)
        User.objects.filter(pk=alice.pk).update(state=state)
        assert outcome(token(**passkey_body(authenticator))) == expected
        assert not Session.objects.exists()

    def test_passkey_of_another_account_does_not_complete_the_second_step(self, alice, carol):
        add_passkey(alice)
        _, others = add_passkey(carol)
        started = by_password().json()
        body = {"grant_type": "second_factor", "challenge": started["challenge"]}
        assert outcome(token(**body, passkey=others.get(started["passkey_options"]))) == (400, "invalid_passkey")

    def test_challenge_of_the_second_step_does_not_sign_in_alone(self, alice):
        _, authenticator = add_passkey(alice)
        started = by_password().json()
        answer = authenticator.get(started["passkey_options"])
        refused = token(grant_type="passkey", challenge=started["challenge"], passkey=answer)
        assert outcome(refused) == (400, "invalid_passkey")

    def test_answered_challenges_are_deleted_when_they_have_expired(self, alice):
        add_passkey(alice)
        assert housekeeping.purge_spent_challenges() == 0
        with time_machine.travel(timezone.now() + timedelta(minutes=11)):
            assert housekeeping.purge_spent_challenges() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("counts", [True, False])
def test_assertion_and_code_presented_at_once_work_once(db, counts):
    alice = UserFactory(handle="alice")
    device, codes = enrol(alice)
    _, authenticator = add_passkey(alice, Authenticator(counts=counts))
    challenge = by_password().json()["challenge"]
    for body in (
        passkey_body(authenticator),
        {"grant_type": "second_factor", "challenge": challenge, "code": code_of(device)},
        {"grant_type": "second_factor", "challenge": challenge, "code": codes[0]},
    ):
        statuses = in_threads(3, lambda body=body: token(**body).status_code)
        assert sorted(statuses) == [200, 400, 400]


@pytest.mark.django_db(transaction=True)
def test_of_two_answers_with_the_same_count_at_once_one_is_refused():
    """The key was copied: both challenges are unanswered, and both counts are new."""
    _, authenticator = add_passkey(UserFactory(handle="alice"))
    bodies = []
    for _ in range(2):
        authenticator.count = 5
        bodies.append(passkey_body(authenticator))
    assert sorted(in_threads(2, lambda: token(**bodies.pop()).status_code)) == [200, 400]


@pytest.mark.django_db(transaction=True)
def test_code_of_the_app_is_accepted_once_although_its_check_takes_long(monkeypatch):
    alice = UserFactory(handle="alice")
    device, _ = enrol(alice)
    code, verify = code_of(device), TOTPDevice.verify_token

    def verify_slowly(self, token):
        time.sleep(0.05)  # Meanwhile the other requests have loaded the device, unless they wait for its lock.
        return verify(self, token)

    monkeypatch.setattr(TOTPDevice, "verify_token", verify_slowly)
    accepted = in_threads(3, lambda: two_factor.accept(alice, code))
    assert sorted(accepted, key=str) == [None, None, "totp"]


# ── Setup and removal ────────────────────────────────────────────────────────────────────────────────────
class TestSetup:
    def test_app_is_set_up_listed_and_removed_with_mails(self, alice, deliver):
        caller = Caller(alice)
        assert caller.get(FACTORS).json() == {
            "enabled": False,
            "required_by_role": False,
            "totp": None,
            "passkeys": [],
            "recovery_codes_left": 0,
        }
        setup = caller.post(f"{FACTORS}/totp").json()
        device = TOTPDevice.objects.get()
        assert setup["uri"].startswith("otpauth://totp/Photogram%3Aalice?secret=")
        assert setup["secret"] in setup["uri"]
        assert setup["qr_code"].startswith("data:image/svg+xml")
        assert outcome(caller.post(f"{FACTORS}/totp/confirm", {"code": "000000"})) == (400, "wrong_code")
        assert not caller.get(FACTORS).json()["enabled"]
        codes = caller.post(f"{FACTORS}/totp/confirm", {"code": code_of(device)}).json()["recovery_codes"]
        assert len(codes) == 10
        listed = caller.get(FACTORS).json()
        assert (listed["enabled"], listed["recovery_codes_left"]) == (True, 10)
        assert listed["totp"]["created_at"]
        assert outcome(caller.post(f"{FACTORS}/totp")) == (409, "already_enrolled")
        again = caller.post(f"{FACTORS}/totp/confirm", {"code": code_of(device)})
        assert outcome(again) == (409, "already_enrolled")
        assert notices(deliver) == ["An authenticator app was added"]
        assert outcome(caller.delete(f"{FACTORS}/totp")) == 204
        assert outcome(caller.delete(f"{FACTORS}/totp")) == (409, "not_enrolled")
        assert notices(deliver) == ["Your authenticator app was removed"]
        assert not RecoveryCode.objects.exists()
        assert outcome(by_password()) == 200

    def test_passkey_is_added_renamed_and_removed_with_mails(self, alice, deliver):
        User.objects.filter(pk=alice.pk).update(email_verified_at=timezone.now())
        caller, authenticator = Caller(alice), Authenticator()
        ceremony = caller.post(f"{FACTORS}/passkeys/options").json()
        body = {"challenge": ceremony["challenge"], "passkey": authenticator.create(ceremony["options"])}
        body["passkey"]["response"]["transports"] += ["telepathy", ["usb"], None]
        added = caller.post(f"{FACTORS}/passkeys", body | {"name": "Laptop"})
        assert added.status_code == 201
        assert len(added.json()["recovery_codes"]) == 10
        path = f"{FACTORS}/passkeys/{added.json()['passkey']['id']}"
        assert Passkey.objects.get().transports == ["internal"]
        assert notices(deliver) == ["A passkey was added"]
        assert "Laptop" in mail.outbox[0].body
        # The challenge has been answered.
        assert outcome(caller.post(f"{FACTORS}/passkeys", body)) == (400, "invalid_passkey")
        assert caller.patch(path, {"name": "Phone"}).json()["name"] == "Phone"
        assert outcome(caller.patch(path, {"name": " "})) == (400, "validation_error")
        assert [each["name"] for each in caller.get(FACTORS).json()["passkeys"]] == ["Phone"]
        assert outcome(caller.delete(path)) == 204
        assert notices(deliver) == ["A passkey was removed"]
        assert outcome(caller.delete(path)) == (404, "not_found")
        assert not caller.get(FACTORS).json()["enabled"]

    @pytest.mark.parametrize(
        ("lie", "value"),
        [
            ("origin", "https://evil.example"),
            ("is_in_frame", True),
            ("flags", USER_PRESENT),
            ("credential_id", b""),
            ("credential_id", b"x" * 1024),
            ("rp", "evil.example"),
        ],
    )
    def test_false_registration_is_refused(self, lie, value, alice):
        caller, authenticator = Caller(alice), Authenticator()
        ceremony = caller.post(f"{FACTORS}/passkeys/options").json()
        if lie == "rp":
            ceremony["options"]["rp"]["id"] = value
        else:
            setattr(authenticator, lie, value)
        body = {"challenge": ceremony["challenge"], "passkey": authenticator.create(ceremony["options"])}
        assert outcome(caller.post(f"{FACTORS}/passkeys", body))[0] == 400
        assert not Passkey.objects.exists()

    def test_challenge_and_passkey_of_another_account_are_refused(self, alice, carol):
        _, authenticator = add_passkey(carol)
        theirs = passkeys.begin_registration(carol)
        stolen = {"challenge": theirs.challenge, "passkey": Authenticator().create(theirs.options)}
        assert outcome(Caller(alice).post(f"{FACTORS}/passkeys", stolen)) == (400, "invalid_passkey")
        own = passkeys.begin_registration(alice)
        known = {"challenge": own.challenge, "passkey": authenticator.create(own.options)}
        assert outcome(Caller(alice).post(f"{FACTORS}/passkeys", known)) == (400, "invalid_passkey")
        assert Passkey.objects.get().user == carol

    def test_passkeys_are_limited(self, alice, monkeypatch):
        monkeypatch.setattr(passkeys, "MAX_PER_USER", 1)
        add_passkey(alice)
        ceremony = passkeys.begin_registration(alice)
        body = {"challenge": ceremony.challenge, "passkey": Authenticator().create(ceremony.options)}
        assert outcome(Caller(alice).post(f"{FACTORS}/passkeys", body)) == (409, "too_many_passkeys")

    def test_second_factor_keeps_the_recovery_codes_of_the_first(self, alice):
        _, codes = enrol(alice)
        ceremony = passkeys.begin_registration(alice)
        _, more = two_factor.add_passkey(
            alice, challenge=ceremony.challenge, credential=Authenticator().create(ceremony.options)
        )
        assert more == []
        two_factor.remove_app(alice)
        assert two_factor.accept(alice, codes[0]) == "recovery_code"

    def test_new_recovery_codes_replace_the_old_ones(self, alice, deliver):
        caller = Caller(alice)
        assert outcome(caller.post(f"{FACTORS}/recovery-codes")) == (409, "not_enrolled")
        _, old = enrol(alice)
        fresh = caller.post(f"{FACTORS}/recovery-codes").json()["recovery_codes"]
        assert outcome(by_password(code=old[0])) == (401, "invalid_credentials")
        assert outcome(by_password(code=fresh[0])) == 200
        assert {"You have new recovery codes", "A recovery code was used"} <= {*notices(deliver)}

    def test_passkeys_of_others_are_not_found(self, alice, carol):
        passkey, _ = add_passkey(carol)
        for pk in (passkey.pk, new_id()):
            path = f"{FACTORS}/passkeys/{pk}"
            assert outcome(Caller(alice).delete(path)) == (404, "not_found")
            assert outcome(Caller(alice).patch(path, {"name": "x"})) == (404, "not_found")
        assert Passkey.objects.get().name == "Laptop"


class TestConfirmation:
    CHANGES = [
        ("post", "/totp", {}),
        ("post", "/totp/confirm", {"code": "123456"}),
        ("delete", "/totp", None),
        ("post", "/passkeys/options", {}),
        ("post", "/passkeys", None),
        ("delete", "/passkeys/{passkey}", None),
        ("post", "/recovery-codes", {}),
    ]

    @pytest.mark.parametrize(("method", "path", "body"), CHANGES)
    def test_old_session_changes_nothing_without_confirmation(self, method, path, body, alice):
        passkey, _ = add_passkey(alice)
        caller = Caller(alice)
        if path == "/passkeys":
            ceremony = passkeys.begin_registration(alice)
            body = {"challenge": ceremony.challenge, "passkey": Authenticator().create(ceremony.options)}
        age(caller)
        refused = getattr(caller, method)(FACTORS + path.format(passkey=passkey.pk), body)
        assert outcome(refused) == (403, "confirmation_required")
        assert (Passkey.objects.count(), TOTPDevice.objects.count()) == (1, 0)

    def test_password_code_and_passkey_confirm_for_fifteen_minutes(self, alice):
        device, codes = enrol(alice)
        _, authenticator = add_passkey(alice)
        for make_body in (
            lambda: {"password": PASSWORD},
            lambda: {"code": code_of(device)},
            lambda: {"code": codes[0]},
            lambda: {name: value for name, value in passkey_body(authenticator).items() if name != "grant_type"},
        ):
            caller = Caller(alice)
            age(caller)
            assert outcome(caller.post("/auth/identity/confirm", make_body())) == 204
            assert outcome(caller.post(f"{FACTORS}/passkeys/options")) == 200
            confirmed = Session.objects.get(pk=caller.login.pk).confirmed_at
            Session.objects.filter(pk=caller.login.pk).update(confirmed_at=confirmed - timedelta(minutes=16))
            assert outcome(caller.post(f"{FACTORS}/passkeys/options")) == (403, "confirmation_required")

    def test_wrong_secrets_do_not_confirm(self, alice, carol):
        enrol(alice)
        _, others = add_passkey(carol)
        theirs = {name: value for name, value in passkey_body(others).items() if name != "grant_type"}
        caller = Caller(alice)
        age(caller)
        for body, expected in [
            ({"password": "not it"}, (403, "wrong_password")),
            ({"code": "000000"}, (400, "wrong_code")),
            (theirs, (400, "invalid_passkey")),
            ({"passkey": theirs["passkey"]}, (400, "validation_error")),
            ({}, (400, "validation_error")),
        ]:
            assert outcome(caller.post("/auth/identity/confirm", body)) == expected
        assert outcome(caller.post(f"{FACTORS}/passkeys/options")) == (403, "confirmation_required")


# ── Staff, recovery, data ────────────────────────────────────────────────────────────────────────────────
def test_changes_of_staff_are_in_the_audit_and_those_of_members_are_not(alice, mod):
    for user in (alice, mod):
        caller, authenticator = Caller(user), Authenticator()
        ceremony = caller.post(f"{FACTORS}/passkeys/options").json()
        added = caller.post(
            f"{FACTORS}/passkeys",
            {"challenge": ceremony["challenge"], "passkey": authenticator.create(ceremony["options"])},
        )
        # The session in which the passkey was added has the rank, without another sign-in.
        assert caller.get("/moderation/flags").status_code == (200 if user == mod else 403)
        caller.post(f"{FACTORS}/recovery-codes")
        caller.delete(f"{FACTORS}/passkeys/{added.json()['passkey']['id']}")
    acts = list(StaffAct.objects.order_by("id").values_list("act", "actor__handle"))
    assert acts == [("add_passkey", "mod"), ("renew_recovery_codes", "mod"), ("remove_passkey", "mod")]


def test_rank_returns_at_once_when_staff_confirm_with_a_factor(mod):
    caller = Caller(mod)
    device, _ = enrol(mod)
    assert outcome(caller.get("/moderation/flags")) == (403, "two_factor_required")
    assert outcome(caller.post("/auth/identity/confirm", {"code": code_of(device)})) == 204
    assert caller.get("/moderation/flags").status_code == 200


def test_staff_keep_the_last_factor_if_it_is_required(mod, settings):
    settings.STAFF_TWO_FACTOR = "required"
    passkey, _ = add_passkey(mod)
    enrol(mod)
    caller = Caller(mod)
    assert caller.get(FACTORS).json()["required_by_role"]
    assert outcome(caller.delete(f"{FACTORS}/totp")) == 204
    assert outcome(caller.delete(f"{FACTORS}/passkeys/{passkey.pk}")) == (403, "two_factor_required")
    assert Passkey.objects.exists()


def test_operator_resets_the_factors_of_a_member(alice, deliver):
    enrol(alice)
    add_passkey(alice)
    notices(deliver)
    run("reset_two_factor", "alice", "--reason", "Lost her phone.")
    assert notices(deliver) == ["Your two-factor authentication was reset"]
    assert outcome(by_password()) == 200
    assert StaffAct.objects.get().detail == {"operator": True}


def test_export_lists_the_factors_without_keys_and_erasure_deletes_them(alice):
    enrol(alice)
    add_passkey(alice)
    exported = [
        (kind, row) for kind, row in privacy.export(alice.pk) if kind not in {"account", "sessions", "security_events"}
    ]
    assert [kind for kind, _ in exported] == ["two_factor", "passkeys"] + ["recovery_codes"] * 10
    assert exported[1][1]["name"] == "Laptop"
    secret = {"public_key", "credential_id", "digest", "key"}
    assert not secret & {name for _, row in exported for name in row}
    privacy.erase(alice.pk)
    assert not Passkey.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert not TOTPDevice.objects.exists()
