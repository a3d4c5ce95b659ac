"""An authenticator app for tests."""

import time

from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import two_factor
from apps.accounts.models import User
from tests.factories import PASSWORD

LOGIN = "/admin/login/"


def code_of(device: TOTPDevice, *, steps: int = 0) -> str:
    """What the app shows, so many steps of half a minute from now. The step before is accepted until this one ends: at
    its end, it is waited for."""
    left = device.step - time.time() % device.step
    if steps < 0 and left < 1:
        time.sleep(left)
    app = TOTP(device.bin_key, device.step, device.t0, device.digits)
    app.time = time.time() + steps * device.step
    return f"{app.token():06d}"


def enrol(user: User) -> tuple[TOTPDevice, list[str]]:
    """With the code of half a minute ago, so that the present one is unused."""
    return two_factor.confirm(user, code_of(two_factor.begin(user), steps=-1))


def sign_in(user: User, code: str = "", *, client: Client | None = None) -> Client | None:
    """The browser that is let in; None if it is not."""
    browser = client or Client()
    answer = browser.post(LOGIN, {"username": user.handle, "password": PASSWORD, "code": code})
    return browser if answer.status_code == 302 else None
