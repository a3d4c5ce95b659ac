"""Keyboard and touch in Chromium: templates, selection in lists, decisions by key, blurred photos."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from apps.moderation import services
from apps.moderation.models import Appeal, ReasonTemplate
from tests.console.browser.conftest import NARROW
from tests.factories import PostFactory, UserFactory
from tests.moderation.people import make_moderator, taken_down
from tests.moderation.queue.helpers import case_of, report

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
QUEUE = reverse("admin:moderation_flag_queue")
APPEALS = reverse("admin:moderation_appeals")
# Longer than the pause after which a list starts a new search, and than one before it.
DELAYS = (50, 1200)
TEMPLATES = {
    "Harassment of a person": ("harassment", "It insults a person."),
    "Nudity": ("nudity", "It shows nudity."),
    "Spam or scam": ("spam", "It advertises."),
    "Violence": ("violence", "It shows violence."),
}


@pytest.fixture
def post(db):
    ReasonTemplate.objects.filter(action="take_down").delete()
    for title, (category, text) in TEMPLATES.items():
        ReasonTemplate.objects.create(action="take_down", title=title, category=category, text=text)
    post = PostFactory(author=UserFactory(handle="alice"))
    report(post, category="nudity")
    return post


def form_of(page):
    """(focused field, template, reason, category)"""
    return page.evaluate(
        """() => {
            const { template, reason, category } = document.querySelector("form[data-reasons]").elements;
            const title = template.selectedOptions[0].text;
            return [document.activeElement.name, title, reason.value, category.value];
        }"""
    )


@pytest.mark.parametrize("delay", DELAYS)
@pytest.mark.parametrize("typed", ["harass", "nud", "spam", "viol"])
def test_typing_in_the_template_list_does_not_reach_the_reason(console, mod, post, typed, delay):
    page = console.open(mod)
    page.goto(case_of(post) + "?act=take_down")
    page.keyboard.type(typed, delay=delay)
    name, title, reason, category = form_of(page)
    assert name == "template"
    assert (category, reason) == TEMPLATES.get(title, ("nudity", ""))
    if delay == min(DELAYS):
        assert title.lower().startswith(typed)


def test_arrow_keys_reach_every_template_and_keep_the_own_reason(console, mod, post):
    page = console.open(mod)
    page.goto(case_of(post) + "?act=take_down")
    page.get_by_label("Reason", exact=True).fill("My own words.")
    page.get_by_label("Reason template").focus()
    for title, (category, text) in sorted(TEMPLATES.items()):
        page.keyboard.press("ArrowDown")
        assert form_of(page) == ["template", title, text, category]
    for _ in TEMPLATES:
        page.keyboard.press("ArrowUp")
    assert form_of(page) == ["template", "None", "My own words.", "nudity"]


def test_keys_of_the_queue_select_and_open(console, mod):
    alice = UserFactory(handle="alice")
    for number in range(3):
        report(PostFactory(author=alice, caption=f"Number {number}"))
    page = console.open(mod)
    page.goto(QUEUE, wait_until="load")

    def selected():
        return page.evaluate("[...document.querySelectorAll('[data-row]')].findIndex((row) => row.ariaCurrent)")

    places = []
    for key in "jjjjkk":
        page.keyboard.press(key)
        places.append(selected())
    assert places == [0, 1, 2, 2, 1, 0]
    page.keyboard.press("x")
    page.get_by_text("1 selected").wait_for()
    page.keyboard.press("a")
    page.get_by_text("3 selected").wait_for()
    assert page.url.endswith(QUEUE)
    page.keyboard.press("?")
    page.get_by_role("heading", name="Keys").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.get_by_text("Number 1").wait_for()
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    page.keyboard.press("q")
    page.get_by_role("button", name="Preview…").wait_for()
    assert not page.get_by_text("yours").is_visible()


def test_appeal_is_decided_by_keyboard(console, mod):
    alice, lead = UserFactory(handle="alice"), make_moderator("lead")
    for _ in range(2):
        services.appeal(taken_down(PostFactory(author=alice), lead), by=alice.pk, text="No.")
    page = console.open(mod)
    page.goto(APPEALS, wait_until="load")
    for key in "jjo":
        page.keyboard.press(key)
    page.keyboard.type("The author is right.")
    page.keyboard.press("Control+Enter")
    page.get_by_role("heading", name="Overturn the takedown of the post by @alice", level=2).wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("overturned and undone").wait_for()
    first, second = Appeal.objects.order_by("id")
    assert (first.status, second.status, second.note) == ("open", "overturned", "The author is right.")


def test_first_tap_lifts_the_blur_in_place_and_the_original_has_its_own_control(console, mod, post):
    page = console.open(mod, size=NARROW, touch=True)
    # The objects of the factories are not in storage.
    page.route("**/*.webp*", lambda route: route.fulfill(status=200, content_type="image/svg+xml", body=PICTURE))
    page.goto(case_of(post), wait_until="load")
    photo = page.locator("[data-blurred] img").first
    before = page.url
    expect(photo).not_to_have_css("filter", "none")
    photo.tap()
    expect(photo).to_have_css("filter", "none")
    assert page.url == before
    photo.tap()
    expect(photo).not_to_have_css("filter", "none")
    page.get_by_role("button", name="Open original").first.tap()
    page.get_by_role("dialog", name="Original").locator("img").wait_for()
    assert page.url == before
    assert page.evaluate("history.length") == 2, "the empty page and the case"
    page.get_by_role("button", name="Close").tap()
    assert page.get_by_role("dialog").count() == 0


def test_first_tap_on_a_blurred_photo_in_a_link_shows_it(console, mod, post):
    page = console.open(mod, size=NARROW, touch=True)
    page.route("**/*.webp*", lambda route: route.fulfill(status=200, content_type="image/svg+xml", body=PICTURE))
    page.goto(QUEUE, wait_until="load")
    photo = page.locator(".queue-thumb img")
    photo.tap()
    expect(photo).to_have_css("filter", "none")
    assert page.url.endswith(QUEUE)
    photo.tap()
    page.wait_for_url("**/case/post/**")


PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/></svg>'
