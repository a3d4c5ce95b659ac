"""Sign-in with a second factor in Chromium, wide and light, narrow and dark, and the pages on the way."""

import re

import pytest
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts import services as accounts
from tests.console.browser.axe import faults
from tests.console.browser.conftest import NARROW, WIDE
from tests.console.codes import code_of
from tests.factories import PASSWORD, PostFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
LOOKS = {"wide-light": (WIDE, "light"), "narrow-dark": (NARROW, "dark")}


def seen(page, name):
    """What is wrong with it."""
    page.wait_for_load_state("load")
    wrong = faults(page)
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        wrong.append("wider than the window")
    return {name: wrong} if wrong else {}


@pytest.mark.parametrize("look", LOOKS)
def test_sign_in_with_second_factor_and_pages_after_it(console, look, settings):
    settings.STAFF_TWO_FACTOR = "required"
    size, scheme = LOOKS[look]
    make_moderator("admin", "admin")
    alice = UserFactory(handle="alice")
    accounts.open_session(alice, device_name="telephone", address="203.0.113.7", user_agent="Photogram/9")
    post = PostFactory(author=alice, caption="Low tide")
    IntervalSchedule.objects.create(every=1, period="hours")
    page = console.open(size=size, scheme=scheme)
    wrong = {}

    page.goto("/admin/")
    wrong |= seen(page, "sign-in")
    page.get_by_label("Handle").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Set up two-factor").wait_for()
    wrong |= seen(page, "two-factor-setup")
    device = TOTPDevice.objects.get()
    page.get_by_label("Six digits from the app").fill(code_of(device, steps=-1))
    page.get_by_role("button", name="Confirm").click()
    page.get_by_role("heading", name="Recovery codes").wait_for()
    wrong |= seen(page, "recovery-codes")
    codes = re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", page.content())
    assert len(codes) == 10

    page.context.clear_cookies()
    page.goto("/admin/login/")
    page.get_by_label("Handle").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Authentication code").wait_for()
    wrong |= seen(page, "sign-in-code")
    page.get_by_label("Authentication code").fill(code_of(device))
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url("**/admin/")

    for name, path in {
        "two-factor": reverse("console_two_factor"),
        "posts": reverse("admin:content_post_changelist"),
        "post-raw": reverse("admin:content_post_change", args=[post.pk]),
        "intervals": reverse("admin:django_celery_beat_intervalschedule_changelist"),
        "private": reverse("admin:accounts_user_private", args=[alice.pk]),
    }.items():
        page.goto(path)
        wrong |= seen(page, name)

    page.get_by_label("Reason").first.fill("A stolen account.")
    page.get_by_role("button", name="Show sessions with addresses").click()
    page.get_by_text("203.0.113.7").wait_for()
    wrong |= seen(page, "private-shown")
    assert wrong == {}
