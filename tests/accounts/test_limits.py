"""Every call that checks a secret or sends mail is limited, each by what it would be abused through."""

import pytest

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
