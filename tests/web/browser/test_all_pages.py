"""Every page, signed in and out, on a phone and a desktop, light and dark: it fits, and axe finds no serious fault.

The pages are those of the table of URLs, so that a new page is looked at, too. Each window visits every page once;
`looks.look_at` changes the theme, the size of the text and the width meanwhile.
"""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.accounts.models import DataExport, User
from apps.core.db.ids import new_id
from apps.engagement.models import Like
from apps.media.models import Media
from apps.moderation import services as moderation
from apps.notifications.models import Notification, NotificationEvent, Type
from tests.console.browser.axe import faults
from tests.factories import CommentFactory, FollowFactory, MediaFactory, MuteFactory, PostFactory, UserFactory
from tests.web.browser.conftest import DESKTOP, PHONE
from tests.web.browser.looks import look_at, too_wide
from tests.web.table import ROWS, VISITORS, World, build_world

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
# Paths that are no pages.
NOT_PAGES = re.compile(
    r"/(web/|accent-|logo/|refresh/|new-posts|oembed|robots|sitemap|sw\.js|manifest|.*feed\.atom|.*/state$)"
)
LONG_WORD = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 3
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwareng"[:50]
ARABIC = "صورة من البحر عند الغروب"
# Pages with an answer other than 200 are errors in the console of Chromium.
REFUSED = r"status of 40[0-9]|^40[0-9] "
LOOKS = {
    "phone": {"size": PHONE, "touch": True, "scheme": "light"},
    "desktop": {"size": DESKTOP, "touch": False, "scheme": "dark"},
}


# ── The world ────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def world(deliver: Any) -> World:
    """The world of the table, with long names, many kinds of posts, comments, notifications and people."""
    world = build_world(deliver)
    alice, bob = world.members["owner"], world.members["member"]
    User.objects.filter(pk=alice.pk).update(
        bio=f"Tides and birds @bob #husum\n{ARABIC}\nhttps://example.org/{LONG_WORD}"[:300],
        website=f"https://example.org/{LONG_WORD}"[:200],
        avatar=MediaFactory(owner=alice, in_use=True, public_secret="avatar-avatar-avatar"),
    )
    User.objects.filter(pk=bob.pk).update(display_name=LONG_NAME, is_verified=True)
    greta = UserFactory(handle="a_very_long_handle_of_a_person", display_name=ARABIC)
    private = UserFactory(handle="pia", private=True)
    for follower, followed in [(alice, bob), (alice, greta), (greta, alice), (bob, private), (greta, private)]:
        FollowFactory(follower=follower, followed=followed)
    MuteFactory(muter=alice, muted=greta)
    posts = [
        PostFactory(author=bob, photos=3, caption=f"{LONG_WORD}\n" * 8 + "#husum @alice"),
        PostFactory(author=bob, sensitive=True, caption=ARABIC),
        PostFactory(author=bob, followers_only=True, comments_enabled=False),
        PostFactory(author=alice, photos=2, caption="Two photos."),
        PostFactory(author=alice, status="processing"),
        PostFactory(author=alice, status="failed"),
    ]
    Media.objects.filter(posts=posts[0]).update(alt_text=f"A grey seal {LONG_WORD}")
    Media.objects.filter(posts=posts[-1]).update(status="failed", error_code="image_corrupt", variants=[])
    thread = CommentFactory(post_id=world.values["post"], author=bob, text=f"What light! {LONG_WORD}")
    CommentFactory(post=thread.post, author=alice, text="Thank you @bob #husum", parent=thread)
    CommentFactory(post=thread.post, author=greta, text=ARABIC)
    Like.objects.bulk_create([Like(post=thread.post, user=user) for user in (alice, bob, greta)])
    without_actor = {Type.MODERATION, Type.REPORT}
    for number, type_ in enumerate(Type.values):
        about = None if type_.startswith("follow") or type_ in without_actor else thread.post
        note = Notification.objects.create(
            recipient=alice,
            type=type_,
            post=about,
            comment=thread if type_ in {"comment", "reply", "comment_like"} else None,
            statement=f"Your post was taken down.\n\n{LONG_WORD}" if type_ in without_actor else "",
            read_at=timezone.now() if number % 2 else None,
        )
        for actor in (bob, greta, private)[: number % 3 + 1]:
            if type_ not in without_actor:
                NotificationEvent.objects.create(notification=note, recipient=alice, actor=actor, cause=new_id())
    now = timezone.now()
    DataExport.objects.create(
        user=alice, status="ready", secret="s" * 40, bytes=1000, finished_at=now, expires_at=now + timedelta(days=1)
    )
    world.values |= {
        "long": posts[0].pk,
        "covered": posts[1].pk,
        "closed": posts[2].pk,
        "several": posts[3].pk,
        "processing": posts[4].pk,
        "failed": posts[5].pk,
        "thread": thread.pk,
        "appealed": _appealed(world),
    }
    return world


def _appealed(world: World) -> Any:
    alice, mod = world.members["owner"], world.members["moderator"]
    action = moderation.take_down_post(PostFactory(author=alice), by=mod, reason=LONG_WORD, category="spam")
    moderation.appeal(action, by=alice.pk, text=f"I took it myself. {LONG_WORD}")
    return action.pk


MORE = {
    "anonymous": ["/p/{long}", "/p/{covered}", "/@bob", "/@pia", "/reset-password", "/p/{unknown}"],
    "owner": [
        *(f"/p/{{{name}}}" for name in ["long", "covered", "closed", "several", "processing", "failed"]),
        "/p/{post}/comments/{thread}",
        "/p/{several}/edit",
        "/@bob",
        "/@a_very_long_handle_of_a_person",
        "/@pia",
        "/@mallory",
        "/search?q=husum&type=posts",
        "/search?q=hus&type=tags",
        "/search?q=zzzz",
        "/notifications?unread=true",
        "/appeal?action={appealed}",
    ],
    # A person who has just joined: empty pages.
    "new": ["/", "/notifications", "/saved", "/liked", "/requests", "/suggestions", "/@nora", "/settings/blocked"],
}


def pages(visitor: str) -> list[str]:
    """The paths of the pages that a visitor may open."""
    number = VISITORS.index(visitor) if visitor in VISITORS else None
    rows = [row.path for row in ROWS if number is not None and row.get[number] == 200 and not NOT_PAGES.match(row.path)]
    return [*dict.fromkeys([*rows, *MORE[visitor]])]


def name_of(path: str) -> str:
    return re.sub(r"\W+", "-", path).strip("-") or "home"


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("visitor", list(MORE))
def test_every_page_fits_and_is_accessible(site: Any, world: World, visitor: str, look: str) -> None:
    user = UserFactory(handle="nora") if visitor == "new" else world.members.get(visitor)
    site.expected.append(REFUSED)
    page = site.open(user, **LOOKS[look])
    found: dict[str, list[str]] = {}
    for path in pages(visitor):
        response = page.goto(world.fill(path))
        assert response
        found |= look_at(page, f"{visitor}-{name_of(path)}")
    assert not found, "\n".join(f"{place}: {' '.join(wrong)}" for place, wrong in found.items())


# ── Menus and dialogs ────────────────────────────────────────────────────────────────────────────────────
def open_overlays(page: Page, path: str) -> dict[str, list[str]]:
    """Open each menu, dialog and popover of the page, and return what is wrong with it."""
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        if wrong := faults(page) + too_wide(page):
            found[f"{path}, {name}"] = wrong

    for menu in page.locator("details.menu").all()[:2]:
        if not menu.locator("summary").is_visible():
            continue
        menu.locator("summary").click()
        look("menu")
        items = menu.locator(".menu-items")
        assert items.is_visible()
        box, size = items.bounding_box(), page.viewport_size
        assert box
        assert size
        if box["x"] < 0 or box["x"] + box["width"] > size["width"]:
            found.setdefault(f"{path}, menu", []).append(f"outside of the window: {box}")
        menu.locator("summary").focus()
        page.keyboard.press("Escape")
        expect(items).to_be_hidden()
    for opener in page.locator("[popovertarget]").all()[:1]:
        opener.click()
        look("popover")
        page.keyboard.press("Escape")
    for opener in page.locator("[data-dialog]").all():
        if opener.is_visible():
            opener.click()
            expect(page.locator("dialog[open]")).to_be_visible()
            look("dialog")
            page.keyboard.press("Escape")
            expect(page.locator("dialog[open]")).to_have_count(0)
    return found


@pytest.mark.parametrize("look", LOOKS)
def test_menus_and_dialogs_are_accessible(site: Any, world: World, look: str) -> None:
    page = site.open(world.members["owner"], **LOOKS[look])
    found: dict[str, list[str]] = {}
    for path in ["/", "/p/{long}", "/p/{several}", "/@bob", "/@alice", "/settings/sessions"]:
        page.goto(world.fill(path), wait_until="networkidle")
        found |= open_overlays(page, path)
    # A question.
    page.goto("/@bob", wait_until="networkidle")
    page.locator(".profile details.menu summary").click()
    page.get_by_role("button", name="Block").click()
    expect(page.locator("dialog#confirm")).to_be_visible()
    found |= _faults_now(page, "question")
    page.keyboard.press("Escape")
    # A message with "Undo".
    page.locator(".profile details.menu summary").click()
    page.get_by_role("button", name="Mute", exact=True).click()
    expect(page.locator(".toast")).to_be_visible()
    found |= _faults_now(page, "message")
    # The keyboard shortcuts, and the names that the field for comments completes.
    page.goto(world.fill("/p/{post}"), wait_until="networkidle")
    page.locator("h1").click(force=True, position={"x": 0, "y": 0})
    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    found |= _faults_now(page, "shortcuts")
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.locator("#comment-text").press_sequentially("Hello @bo")
    expect(page.get_by_role("listbox")).to_be_visible()
    found |= _faults_now(page, "names")
    assert found == {}


def _faults_now(page: Page, name: str) -> dict[str, list[str]]:
    wrong = faults(page) + too_wide(page)
    return {name: wrong} if wrong else {}
