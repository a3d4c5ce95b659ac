"""Own reports in the browser: the outcome, the objection, and decisions about the member."""

import pytest
from playwright.sync_api import expect

from apps.moderation import services
from apps.moderation.models import Appeal
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_reporter_follows_the_report_from_the_settings_and_objects(site):
    bob, mod = UserFactory(handle="bob"), make_moderator("mod")
    report = services.flag(PostFactory(), by=bob.pk, category="hate", note="An insult.")[0]
    services.resolve_flag(report, by=mod, resolution="dismissed", note="It is a joke.")
    services.take_down_post(PostFactory(author=bob), by=mod, reason="Spam.", category="spam")
    page = site.open(bob, touch=True)
    page.goto("/settings")
    page.get_by_role("link", name="Moderation").click()
    expect(page.get_by_role("link", name="Your post was taken down")).to_be_visible()
    page.get_by_role("link", name="Your reports").click()
    expect(page.get_by_text("No action", exact=True)).to_be_visible()
    page.get_by_role("link", name="Report of a post").click()
    expect(page.get_by_text("It is a joke.")).to_be_visible()
    page.get_by_label("Why should we change the decision?").fill("It is no joke.")
    page.get_by_role("button", name="Send objection").click()
    expect(page.get_by_text("Objection under review")).to_be_visible()
    expect(page.get_by_text("It is no joke.")).to_be_visible()
    assert Appeal.objects.get().appellant == bob
