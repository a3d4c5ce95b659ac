"""Moderating over the API needs a second factor if it is set up or required."""

import pytest
from django.utils import timezone

from apps.accounts import two_factor
from apps.moderation import permissions
from apps.moderation.models import StaffAct
from tests.conftest import Caller
from tests.console.codes import code_of, enrol
from tests.factories import PASSWORD, PostFactory
from tests.moderation.people import make_moderator

pytestmark = pytest.mark.django_db


def signed_in(login, **more):
    """A caller with the tokens of that sign-in; the answer, if it was refused."""
    caller = Caller()
    answer = caller.post("/auth/token", {"login": login, "password": PASSWORD, **more})
    if answer.status_code != 200:
        return answer
    caller.credentials(HTTP_AUTHORIZATION=f"Bearer {answer.json()['access']}")
    return caller


def moderates(caller):
    """True, or the code of the refusal."""
    answer = caller.get("/moderation/flags")
    return answer.status_code == 200 or answer.json()["code"]


@pytest.mark.promise("O1")
@pytest.mark.parametrize("setting", ["required", "optional"])
@pytest.mark.parametrize("enrolled", [True, False])
def test_password_is_enough_only_without_two_factor(mod, settings, setting, enrolled):
    settings.STAFF_TWO_FACTOR = setting
    if enrolled:
        device, _ = enrol(mod)
        assert moderates(signed_in("mod", code=code_of(device))) is True
    plain = signed_in("mod")
    if (setting, enrolled) == ("optional", False):
        # The second time from the cache.
        assert [moderates(plain), moderates(plain)] == [True, True]
    else:
        assert plain.json()["code"] == ("second_factor_required" if enrolled else "two_factor_required")


@pytest.mark.parametrize(("setting", "enrolled"), [("required", False), ("required", True), ("optional", True)])
def test_session_without_a_second_factor_has_no_role_where_one_is_needed(mod, settings, setting, enrolled):
    """It was opened before the second factor was set up or required."""
    plain = Caller(mod)
    settings.STAFF_TWO_FACTOR = setting
    if enrolled:
        enrol(mod)
    # The second time from the cache.
    assert [moderates(plain), moderates(plain)] == ["two_factor_required", "two_factor_required"]
    assert plain.get("/auth/me").json()["roles"] == ["moderator"]
    assert plain.get("/feed").status_code == 200


def test_code_is_ignored_without_two_factor(mod, alice):
    assert moderates(signed_in("mod", code="123456")) is True
    assert moderates(signed_in("alice", code="123456")) == "moderator_required"


def test_wrong_code_is_invalid_credentials(mod):
    device, codes = enrol(mod)
    code = code_of(device)
    wrong = signed_in("mod", code=f"{(int(code) + 1) % 1_000_000:06d}")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")
    assert not mod.sessions.exists()
    assert moderates(signed_in("mod", code=codes[0])) is True
    assert signed_in("mod", code=codes[0]).status_code == 401
    assert StaffAct.objects.get(act="use_recovery_code").actor == mod


def test_codes_are_limited_by_account(mod, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (2, 900)}
    enrol(mod)
    assert [signed_in("mod", code="000000").status_code for _ in range(3)] == [401, 401, 429]


def test_wrong_passwords_do_not_lock_out_the_second_factor(mod, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (2, 900)}
    device, _ = enrol(mod)
    for _ in range(3):
        stranger = Caller().post("/auth/token", {"login": "mod", "password": "not it", "code": "000000"})
        assert stranger.status_code == 401
    assert moderates(signed_in("mod", code=code_of(device))) is True


def test_wrong_codes_are_counted_without_redis(mod, settings):
    settings.RATE_LIMITS_ENABLED = True
    settings.RATE_LIMITS = settings.RATE_LIMITS | {"two_factor": (2, 900)}
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    enrol(mod)
    assert [signed_in("mod", code="000000").status_code for _ in range(3)] == [401, 401, 429]
    assert not mod.sessions.exists()


def test_setup_and_reset_change_open_sessions(mod):
    plain = signed_in("mod")
    assert moderates(plain) is True
    device, _ = permissions.enrol(mod, code=code_of(two_factor.begin(mod), steps=-1))
    assert moderates(plain) == "two_factor_required"
    strong = signed_in("mod", code=code_of(device))
    assert moderates(strong) is True
    permissions.reset_two_factor(mod, by=make_moderator("root", "admin"), reason="Lost the telephone.")
    assert moderates(plain) is True
    permissions.enrol(mod, code=code_of(two_factor.begin(mod), steps=-1))
    assert moderates(strong) == "two_factor_required"


def test_hidden_content_is_not_found_without_second_factor(mod, alice):
    device, _ = enrol(mod)
    post = PostFactory(author=alice, taken_down_at=timezone.now())
    assert signed_in("mod", code=code_of(device)).get(f"/posts/{post.pk}").status_code == 200
    assert Caller(mod).get(f"/posts/{post.pk}").status_code == 404
