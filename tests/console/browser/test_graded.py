"""Graded measures, team notes, hashtags and the choice of mails, by keyboard, wide and narrow, with axe-core.

With a folder in SCREENSHOTS the pages are kept there.
"""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.moderation import services, tags
from apps.moderation.models import Digest, ModerationAction, TeamNote
from tests.console.browser.axe import faults
from tests.console.browser.conftest import NARROW, WIDE
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import BECAUSE, make_moderator
from tests.moderation.queue.helpers import case_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def check(window: Page, name: str) -> None:
    """Nothing breaks out of the page, and axe-core finds no serious fault."""
    assert window.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    assert faults(window) == [], name
    if folder := os.environ.get("SCREENSHOTS"):
        window.screenshot(path=Path(folder) / f"graded-{name}.png", full_page=True)


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide", "narrow"])
def test_graded_measures_by_keyboard(console, size, scheme):
    mod, alice = make_moderator("mod"), UserFactory(handle="alice")
    post = PostFactory(author=alice, caption="Low tide at #husum")
    for row in (post, alice):
        services.flag(row, by=UserFactory().pk, category="nudity", note="Not for children.")
    look = "wide" if size is WIDE else "narrow"
    window = console.open(mod, size=size, scheme=scheme)
    window.goto(case_of(post))
    check(window, f"case-{look}")
    window.keyboard.press("n")
    expect(window.get_by_label("New note")).to_be_focused()
    window.keyboard.type("Warned before, on another account.")
    window.keyboard.press("Control+Enter")
    expect(window.get_by_role("listitem").filter(has_text="Warned before, on another account.")).to_be_visible()
    assert TeamNote.objects.count() == 1
    window.keyboard.press("m")
    expect(window.get_by_label("Reason", exact=True)).to_be_visible()
    window.get_by_label("Reason", exact=True).fill("It shows a naked body.")
    window.get_by_label("Category").select_option("nudity")
    check(window, f"form-{look}")
    window.get_by_label("Reason", exact=True).focus()
    window.keyboard.press("Control+Enter")
    expect(window.get_by_role("heading", name="Mark the post by @alice as sensitive", level=2)).to_be_visible()
    check(window, f"preview-{look}")
    window.keyboard.press("Enter")
    # The next case opens: the account.
    expect(window.get_by_role("heading", name="Account of @alice", level=2)).to_be_visible()
    action = ModerationAction.objects.get(action="mark_sensitive")
    window.goto(case_of(post))
    expect(window.locator("#target ~ .pg-badge", has_text="marked sensitive by moderators")).to_be_visible()
    check(window, f"decided-{look}")
    window.goto(reverse("admin:moderation_moderationaction_undo", args=[action.pk]))
    check(window, f"undo-{look}")
    window.goto(reverse("admin:moderation_person", args=[alice.pk]))
    check(window, f"person-{look}")


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "dark"), (NARROW, "light")], ids=["wide", "narrow"])
def test_hashtags_and_mails(console, size, scheme):
    mod = make_moderator("mod")
    look = "wide" if size is WIDE else "narrow"
    tags.restrict("snow", by=mod, reason=BECAUSE["reason"], hidden=True, sensitive=True)
    window = console.open(mod, size=size, scheme=scheme)
    window.goto(reverse("admin:moderation_tags"))
    window.keyboard.press("n")
    expect(window.get_by_label("Hashtag", exact=True)).to_be_focused()
    window.keyboard.type("#Fire")
    window.get_by_label("Change").select_option("mark")
    window.get_by_label("Reason").fill("Burns.")
    window.keyboard.press("Control+Enter")
    expect(window.locator("[data-row]", has_text="#fire")).to_contain_text("sensitive")
    check(window, f"tags-{look}")
    window.goto(reverse("admin:moderation_digest"))
    window.get_by_label("Mail once a day").check()
    check(window, f"digest-{look}")
    window.get_by_role("button", name="Save").click()
    expect(window.get_by_text("Saved.", exact=True).first).to_be_visible()
    assert Digest.objects.get().frequency == "daily"
