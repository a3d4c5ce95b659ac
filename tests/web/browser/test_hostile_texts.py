"""Stored XSS: hostile texts in every field, sent through the pages, do nothing in any page that shows them."""

from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from django.urls import reverse
from playwright.sync_api import Page, expect

from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation import services as moderation
from apps.moderation.models import Flag
from tests.console.browser.conftest import session_of
from tests.factories import PASSWORD, FollowFactory, PostFactory, UserFactory
from tests.web.browser.conftest import DESKTOP
from tests.web.forms import PlainBrowser

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# What alice writes, and what bob writes. Each fits into a display name of 50 characters.
TEXTS = {
    "elements": ("<script>alert(1)</script><!--", "\"'><img src=x onerror=alert(1)>"),
    "ends of elements": (
        "</textarea></title></script><svg onload=alert(1)>",
        "x\" autofocus onfocus=alert(1) x='` onfocus=alert(1)",
    ),
    "templates": (
        "{{ 7|add:7 }}{% now 'Y' %}${alert(1)}\\u003cb\\u003e",
        "<a href=javascript:alert(1)>@bob</a> #husum&lt;b&gt;",
    ),
}
# What only a hostile text could have put into a page.
INJECTED = """() => ["href", "src", "action", "formaction"].map((name) => `[${name}^="javascript:" i]`)
  .concat("[onerror]", "[onload]", "[onfocus]", "img[src=x]")
  .flatMap((selector) => [...document.querySelectorAll(selector)].map((element) => element.outerHTML))"""


class World:
    """Alice and bob, who have written the hostile texts into every field that there is."""

    def __init__(self, text: str, other: str, deliver: Any) -> None:
        self.text, self.other = text, other
        self.alice, self.bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        self.mod = UserFactory(handle="mod", is_staff=True, role="moderator")
        FollowFactory(follower=self.alice, followed=self.bob)
        FollowFactory(follower=self.bob, followed=self.alice)
        self.post, self.taken = PostFactory(author=self.alice, photos=2), PostFactory(author=self.alice)
        self._write_profile(self.alice, text)
        self._write_profile(self.bob, other)
        self._write_about_the_post()
        deliver()
        self._appeal()
        accounts.open_session(self.alice, kind=Session.Kind.API, device_name=text, user_agent=text)

    def _write_profile(self, user: User, text: str) -> None:
        # The name of a browser is a text of its owner, too.
        browser = PlainBrowser(user_agent=text)
        browser.open(f"/login?next={quote(text)}")
        browser.press("Sign in", login=user.handle, password=PASSWORD)
        browser.open("/settings/profile")
        browser.press("Save", website="javascript:alert(1)", bio=text, status=400)
        address = f"https://example.org/{text}".replace(" ", "/")[:200]
        browser.press("Save", display_name=text[:50], bio=f"{text}\n{address}", website="https://example.org/")
        User.objects.filter(pk=user.pk).update(website=address)

    def _write_about_the_post(self) -> None:
        alice, bob = PlainBrowser(self.alice), PlainBrowser(self.bob)
        alice.open(f"/p/{self.post.pk}/edit")
        fields = next(form.names for form in alice.page.forms if "caption" in form.names)
        alt_texts = {name: self.text for name in fields if name.startswith("alt_texts.")}
        alice.press("Save", caption=f"{self.text} #husum @bob", **alt_texts)
        bob.open(f"/p/{self.post.pk}")
        bob.press("Like", within=f"{self.post.pk}/like")
        bob.press("Post", within="/comments", text=f"{self.other} @alice")
        bob.open(f"/report?type=post&id={self.post.pk}")
        bob.press("Send report", category="spam", note=self.other)
        assert Post.objects.get(pk=self.post.pk).caption.startswith(self.text)
        assert Comment.objects.get().text.startswith(self.other)
        assert Flag.objects.get().note == self.other

    def _appeal(self) -> None:
        self.decision = moderation.take_down_post(self.taken, by=self.mod, reason=self.text, category="spam")
        alice = PlainBrowser(self.alice)
        alice.open(f"/appeal?action={self.decision.pk}")
        alice.press("Send appeal", text=self.text)

    def pages(self) -> list[str]:
        text = quote(self.text, safe="")
        searches = [f"/search?q={text}&type={kind}" for kind in ("people", "posts", "tags", text)]
        return [
            "/",
            "/explore",
            "/@alice",
            "/@bob",
            "/@alice/followers",
            f"/@{text}",
            f"/p/{self.post.pk}",
            f"/p/{self.post.pk}/edit",
            f"/p/{self.post.pk}/likes",
            f"/p/{self.post.pk}/delete",
            f"/p/{self.post.pk}/comments/{Comment.objects.get().pk}",
            f"/tags/{text}",
            *searches,
            "/notifications",
            "/suggestions",
            "/settings/profile",
            "/settings/sessions",
            "/settings/account",
            "/settings/delete",
            f"/appeal?action={self.decision.pk}",
            f"/report?type=user&id={self.bob.pk}",
        ]

    def console(self) -> list[str]:
        return [
            reverse("admin:moderation_flag_case", args=["post", self.post.pk]),
            reverse("admin:moderation_appeals"),
            reverse("admin:moderation_person", args=[self.alice.pk]),
        ]


def check(page: Page, path: str) -> None:
    assert page.evaluate(INJECTED) == [], path


def watch(page: Page, site: Any) -> None:
    def note(dialog: Any) -> None:
        site.wrong.append(f"{page.url}: a text was executed: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", note)


@pytest.mark.parametrize(("text", "other"), TEXTS.values(), ids=TEXTS)
def test_hostile_texts_do_nothing(site: Any, deliver: Any, text: str, other: str) -> None:
    world = World(text, other, deliver)
    # Unknown people and malformed addresses are answered with an error page.
    site.expected += [r"status of 40[04]", r"^40[04] "]
    page = site.open(world.alice, size=DESKTOP)
    watch(page, site)
    for path in world.pages():
        page.goto(path)
        check(page, path)
    # htmx and scripts insert them, too.
    page.goto("/")
    for name in ("Activity", "Explore", "Feed"):
        page.locator("nav.navigation").get_by_role("link", name=name).click()
        expect(page.locator("nav.navigation").get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
        check(page, name)
    page.goto(f"/p/{world.post.pk}", wait_until="networkidle")
    field = page.locator("#comment-text")
    field.press_sequentially("@bo")
    expect(page.get_by_role("listbox")).to_contain_text(other[:50])
    check(page, "completion")
    field.fill(text)
    page.locator(".comment-form").get_by_role("button", name="Post").click()
    expect(page.locator("#comment-list .comment")).to_have_count(2)
    expect(page.locator("#comment-list")).to_contain_text(text)
    check(page, "new comment")
    page.goto("/search")
    page.locator("#q").press_sequentially(text)
    expect(page.locator("#results")).to_contain_text("Nothing was found")
    check(page, "search")
    visitor = site.open(size=DESKTOP)
    watch(visitor, site)
    for path in ("/@alice", f"/p/{world.post.pk}", f"/login?next={quote(text)}", "/explore"):
        visitor.goto(path)
        check(visitor, path)
    console = site.open(size=DESKTOP)
    watch(console, site)
    console.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": session_of(world.mod), "url": site.url}]
    )
    for path in world.console():
        response = console.goto(path)
        assert response.status == 200, path
        check(console, path)
