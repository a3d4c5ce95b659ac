"""Two-factor authentication of staff: setup, sign-in, recovery codes, reset."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import privacy, two_factor
from apps.accounts.models import RecoveryCode, User
from apps.moderation import permissions
from apps.moderation.models import StaffAct
from tests.commands import run
from tests.console.codes import LOGIN, code_of, enrol, sign_in
from tests.factories import PASSWORD, UserFactory
from tests.moderation.people import make_moderator
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
SETTING_UP = reverse("console_two_factor")
RENEW = reverse("console_recovery_codes")
INDEX = reverse("admin:index")
WRONG = "Handle or password is wrong"
ASKED = "Enter the code from your authenticator app."


@pytest.fixture
def required(settings):
    settings.STAFF_TWO_FACTOR = "required"


@pytest.fixture
def admin(db):
    return make_moderator("admin", "admin")


def checked_in(page):
    """The signed result of the first step of signing in."""
    return re.search(r'name="checked" value="([^"]+)"', page.text)[1]


def shown_codes(page):
    return re.findall(r"<code>((?:[a-z2-9]{4}-){3}[a-z2-9]{4})</code>", page.text)


# ── Setting it up ────────────────────────────────────────────────────────────────────────────────────────
def test_setup_shows_qr_code_and_key_and_ten_recovery_codes_once(mod):
    browser = sign_in(mod)
    page = browser.get(SETTING_UP)
    device = TOTPDevice.objects.get()
    assert not device.confirmed
    assert 'src="data:image/svg+xml' in page.text
    assert browser.get(SETTING_UP).text.count(re.search(r'pg-secret">([A-Z2-7 ]+)<', page.text)[1]) == 1
    done = browser.post(SETTING_UP, {"code": code_of(device)})
    codes = shown_codes(done)
    assert len(set(codes)) == 10
    assert "no-store" in done.headers["Cache-Control"]
    assert not shown_codes(browser.get(SETTING_UP))
    assert "10 of 10" in browser.get(SETTING_UP).text
    assert StaffAct.objects.get().act == "enrol_two_factor"
    assert browser.get(INDEX).status_code == 200


def test_wrong_code_does_not_complete_the_setup(mod):
    browser = sign_in(mod)
    browser.get(SETTING_UP)
    for wrong in ("", "000000", "x" * 13, "½½½½½½"):
        page = browser.post(SETTING_UP, {"code": wrong})
        assert page.status_code == 200
        assert not shown_codes(page)
    assert not TOTPDevice.objects.filter(confirmed=True).exists()
    assert not RecoveryCode.objects.exists()


def test_second_device_cannot_be_added(mod):
    enrol(mod)
    with pytest.raises(two_factor.AlreadyEnrolled):
        two_factor.begin(mod)
    with pytest.raises(two_factor.AlreadyEnrolled):
        two_factor.confirm(mod, "000000")


# ── Being asked for it ───────────────────────────────────────────────────────────────────────────────────
def test_code_works_once(mod):
    device, _ = enrol(mod)
    code = code_of(device)
    assert sign_in(mod) is None
    assert sign_in(mod, "000000") is None
    assert sign_in(mod, code).get(INDEX).status_code == 200
    assert sign_in(mod, code) is None


def test_code_of_the_setup_does_not_sign_in(mod):
    device = two_factor.begin(mod)
    code = code_of(device)
    two_factor.confirm(mod, code)
    assert sign_in(mod, code) is None


@pytest.mark.promise("P7")
def test_wrong_password_is_refused_without_asking_for_the_code(mod):
    enrol(mod)
    first = Client().post(LOGIN, {"username": "mod", "password": "wrong"})
    assert ASKED not in first.text
    assert WRONG in first.text


def test_code_is_asked_for_in_a_second_step(mod):
    device, _ = enrol(mod)
    browser = Client()
    assert 'name="code"' not in browser.get(LOGIN).text
    second = browser.post(LOGIN + "?next=/admin/moderation/flag/queue/", {"username": "mod", "password": PASSWORD})
    assert ASKED in second.text
    assert 'name="password"' not in second.text
    assert 'role="alert"' not in second.text
    checked = checked_in(second)
    wrong = browser.post(LOGIN, {"checked": checked, "code": "000000"})
    assert "That code is wrong" in wrong.text
    assert 'name="code"' in wrong.text
    assert browser.get(INDEX).status_code == 302
    done = browser.post(LOGIN + "?next=/admin/moderation/flag/queue/", {"checked": checked, "code": code_of(device)})
    assert done.url == "/admin/moderation/flag/queue/"
    assert browser.get(INDEX).status_code == 200


def test_users_without_two_factor_sign_in_in_one_step(mod):
    assert Client().post(LOGIN, {"username": "mod", "password": PASSWORD}).status_code == 302


def test_second_step_expires_and_ends_with_the_password_and_the_account(mod):
    _, codes = enrol(mod)
    checked = checked_in(Client().post(LOGIN, {"username": "mod", "password": PASSWORD}))

    def finish(checked):
        return Client().post(LOGIN, {"checked": checked, "code": codes[0]})

    for forged in ("x", checked[:-1], signing.dumps([str(mod.pk), mod.get_session_auth_hash()])):
        assert "Sign in again" in finish(forged).text
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert "Sign in again" in finish(checked).text
    User.objects.filter(pk=mod.pk).update(state="suspended")
    assert finish(checked).status_code == 200
    User.objects.filter(pk=mod.pk).update(state="active", password=make_password("another battery staple"))
    assert "Sign in again" in finish(checked).text


def test_code_of_another_user_is_refused(mod, admin):
    enrol(mod)
    theirs, codes = enrol(admin)
    assert sign_in(mod, code_of(theirs)) is None
    assert sign_in(mod, codes[0]) is None


@pytest.mark.promise("O2")
def test_codes_are_limited_for_all_addresses(mod, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.TRUSTED_PROXIES = 1
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (3, 900)}
    device, codes = enrol(mod)
    for number in range(3):
        assert sign_in(mod, "000000", client=Client(headers={"X-Forwarded-For": f"203.0.113.{number}"})) is None
    for code in (code_of(device), codes[0]):
        refused = Client().post(LOGIN, {"username": "mod", "password": PASSWORD, "code": code})
        assert "Too many attempts" in refused.text


# ── Recovery codes ───────────────────────────────────────────────────────────────────────────────────────
def test_recovery_code_works_once_in_any_spelling(mod):
    _, codes = enrol(mod)
    typed = codes[0].upper().replace("-", " ")
    assert sign_in(mod, typed).get(INDEX).status_code == 200
    assert sign_in(mod, codes[0]) is None
    assert two_factor.recovery_codes_left(mod) == 9


def test_recovery_codes_are_stored_as_digests(mod):
    _, codes = enrol(mod)
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(t::text, ' ') FROM accounts_recoverycode AS t")
        kept = cursor.fetchone()[0]
    assert not [code for code in codes if code in kept or code.replace("-", "") in kept]
    row = RecoveryCode.objects.first()
    with pytest.raises(IntegrityError), transaction.atomic():
        RecoveryCode.objects.create(user=mod, digest=row.digest)


def test_new_recovery_codes_replace_the_old_ones(mod):
    device, codes = enrol(mod)
    browser = sign_in(mod, code_of(device))
    assert browser.get(RENEW).status_code == 405
    fresh = shown_codes(browser.post(RENEW))
    assert len(fresh) == 10
    assert sign_in(mod, codes[0]) is None
    assert sign_in(mod, fresh[0])
    assert StaffAct.objects.filter(act="renew_recovery_codes").count() == 1


def test_recovery_codes_need_an_app(mod):
    browser = sign_in(mod)
    assert browser.post(RENEW).status_code == 302
    assert not RecoveryCode.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_code_used_concurrently_works_once(db):
    mod = make_moderator("mod")
    device, codes = enrol(mod)
    for code in (codes[0], code_of(device)):
        accepted = in_threads(4, lambda code=code: two_factor.accept(mod, code))
        assert len([one for one in accepted if one]) == 1


@pytest.mark.django_db(transaction=True)
def test_concurrent_setup_creates_one_device(db):
    mod = make_moderator("mod")
    code = code_of(two_factor.begin(mod))

    def confirm():
        try:
            return two_factor.confirm(mod, code)
        except two_factor.AlreadyEnrolled:
            return None

    assert len([one for one in in_threads(4, confirm) if one]) == 1
    assert TOTPDevice.objects.count() == 1
    assert RecoveryCode.objects.count() == 10


# ── What it keeps out ────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("O1")
def test_staff_without_a_device_see_only_the_setup_if_it_is_required(mod, required, alice):
    browser = sign_in(mod)
    for path in (
        INDEX,
        reverse("admin:accounts_user_changelist"),
        reverse("admin:accounts_user_change", args=[alice.pk]),
        reverse("admin:password_change"),
        "/admin/search/?s=a",
        "/admin/nowhere/",
        RENEW,
    ):
        assert browser.get(path).headers["Location"] == SETTING_UP, path
        assert browser.post(path, {"action": "unsuspend"}).headers["Location"] == SETTING_UP, path
    assert browser.get(SETTING_UP).status_code == 200
    assert "/admin/accounts" not in browser.get(SETTING_UP).text
    assert browser.post(reverse("admin:logout")).status_code == 200
    browser = sign_in(mod)
    browser.get(SETTING_UP)
    browser.post(SETTING_UP, {"code": code_of(TOTPDevice.objects.get())})
    assert browser.get(INDEX).status_code == 200


def test_staff_without_a_device_can_work_if_it_is_optional(mod):
    assert sign_in(mod).get(INDEX).status_code == 200


def test_session_from_before_the_setup_ends(mod):
    browser = sign_in(mod)
    enrol(mod)
    answer = browser.get(INDEX)
    assert answer.headers["Location"].startswith(LOGIN)
    assert browser.get(INDEX).headers["Location"].startswith(LOGIN)
    assert "sessionid" not in {name for name, morsel in browser.cookies.items() if morsel.value}


def test_other_users_cannot_open_the_pages(alice):
    browser = Client()
    browser.login(username="alice", password=PASSWORD)
    assert browser.get(SETTING_UP).status_code == 302
    assert not TOTPDevice.objects.exists()


# ── Resetting it ─────────────────────────────────────────────────────────────────────────────────────────
def reset(browser, whom, reason="Lost the telephone; called back."):
    return browser.post(reverse("admin:accounts_user_reset_two_factor", args=[whom.pk]), {"reason": reason})


def test_reset_by_an_admin_ends_sessions_of_the_user(mod, admin):
    device, codes = enrol(mod)
    inside = sign_in(mod, code_of(device))
    assert reset(sign_in(admin), mod).status_code == 302
    assert inside.get(INDEX).headers["Location"].startswith(LOGIN)
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert two_factor.accept(mod, codes[0]) is None
    act = StaffAct.objects.get()
    assert (act.act, act.actor, act.subject_id, act.reason) == (
        "reset_two_factor",
        admin,
        str(mod.pk),
        "Lost the telephone; called back.",
    )


@pytest.mark.promise("O1")
@pytest.mark.parametrize("rank", ["moderator", "senior_moderator", "admin"])
def test_only_admins_can_reset(admin, rank):
    enrol(admin)
    assert reset(sign_in(make_moderator("other", rank)), admin).status_code == 403
    assert TOTPDevice.objects.count() == 1


def test_reset_needs_another_account_a_reason_and_a_device(admin, mod):
    device, _ = enrol(admin)
    browser = sign_in(admin, code_of(device))
    reset(browser, admin)
    assert two_factor.device_of(admin)
    reset(browser, mod)
    enrol(mod)
    reset(browser, mod, reason=" ")
    assert two_factor.device_of(mod)
    assert not StaffAct.objects.filter(act="reset_two_factor").exists()


def test_operator_resets_by_a_command(mod):
    enrol(mod)
    dry = run("reset_two_factor", "mod", "--reason", "Lost.", "--dry-run")
    assert (dry.code, TOTPDevice.objects.count()) == (0, 1)
    assert run("reset_two_factor", "@mod", "--reason", "Lost.").out == "Two-factor of @mod was reset.\n"
    assert not TOTPDevice.objects.exists()
    act = StaffAct.objects.get()
    assert (act.act, act.reason, act.detail) == ("reset_two_factor", "Lost.", {"operator": True})
    again = run("reset_two_factor", "mod", "--reason", "Lost.")
    assert (again.code, again.err) == (1, "Two-factor is not set up for this account.")


# ── With the person ──────────────────────────────────────────────────────────────────────────────────────
def test_device_is_erased_and_exported_without_its_secret(mod):
    enrol(mod)
    told = dict(privacy.export(mod.pk))["two_factor"]
    assert set(told) == {"set_up_at", "last_used_at"}
    privacy.erase(mod.pk)
    assert not TOTPDevice.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_no_page_shows_the_secrets():
    root = UserFactory(handle="root", is_staff=True, is_superuser=True)
    assert sign_in(root).get("/admin/otp_totp/totpdevice/").status_code == 404


def test_services_check_permissions(alice, mod):
    with pytest.raises(permissions.AdminRequired):
        permissions.reset_two_factor(alice, by=mod, reason="Because.")
    with pytest.raises(two_factor.NotEnrolled):
        permissions.renew_recovery_codes(User.objects.get(pk=mod.pk))


def test_use_of_a_recovery_code_is_recorded(mod):
    device, codes = enrol(mod)
    assert permissions.accept(mod, code_of(device)) == two_factor.TOTP
    assert not StaffAct.objects.exists()
    assert permissions.accept(mod, codes[0]) == two_factor.RECOVERY_CODE
    assert permissions.accept(mod, codes[0]) is None
    used = StaffAct.objects.get(act="use_recovery_code")
    assert (used.actor, used.detail) == (mod, {"left": 9})
