"""Notifications, push messages and the offline page in Chromium."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Page, Request, expect

from apps.engagement import services as engagement
from apps.notifications import push, reads
from apps.notifications.models import Notification, PushSubscription
from apps.web.views import install
from tests.console.browser.axe import faults
from tests.factories import CommentFactory, PostFactory, UserFactory
from tests.waiting import eventually
from tests.web.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
XSS = '"><img src=x onerror=alert(1)><script>'
# Chromium of Debian has no push service. The page keeps what it was asked for in `sessionStorage`.
PUSH_SERVICE = """
let current = null;
const note = (text) => sessionStorage.setItem("calls", (sessionStorage.getItem("calls") ?? "") + text + " ");
const keys = { p256dh: "B".repeat(87), auth: "A".repeat(22) };
const make = () => ({
  endpoint: "https://push.example.org/send/1",
  toJSON() { return { endpoint: this.endpoint, expirationTime: null, keys }; },
  async unsubscribe() { note("unsubscribe"); sessionStorage.removeItem("subscribed"); return true; },
});
if (globalThis.PushManager) {
  PushManager.prototype.getSubscription = async () => (sessionStorage.getItem("subscribed") ? make() : null);
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    note(`subscribe:${applicationServerKey}`);
    sessionStorage.setItem("subscribed", "1");
    return make();
  };
  const request = Notification.requestPermission.bind(Notification);
  Notification.requestPermission = () => { note("permission"); return request(); };
}
"""
BADGES = "navigator.setAppBadge = async (number) => sessionStorage.setItem('badge', String(number));"


@pytest.fixture
def alice(db: None) -> Any:
    return UserFactory(handle="alice")


@pytest.fixture
def like(alice: Any, deliver: Callable[[], Any]) -> Callable[[], Any]:
    """Someone likes a post of alice, and alice is notified of it."""

    def like() -> Any:
        post = PostFactory(author=alice, caption="Low tide")
        engagement.like(post.pk, by=UserFactory().pk)
        deliver()
        return post

    return like


def await_worker(page: Page) -> None:
    """Until the service worker controls the page, as at the second visit."""
    page.evaluate(
        """() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller || new Promise((done) =>
             navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }))).then(() => null)"""
    )


def send_push(page: Page, origin: str, message: dict[str, Any]) -> None:
    """A message as the push service of the browser would deliver it."""
    devtools = page.context.new_cdp_session(page)
    registrations: list[Any] = []
    devtools.on("ServiceWorker.workerRegistrationUpdated", lambda event: registrations.extend(event["registrations"]))
    devtools.send("ServiceWorker.enable")
    while not registrations:
        page.wait_for_timeout(20)
    devtools.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": origin,
            "registrationId": registrations[-1]["registrationId"],
            "data": json.dumps(message),
        },
    )


def stored(page: Page, name: str) -> Any:
    return page.evaluate("(name) => sessionStorage.getItem(name)", name)


def badge(page: Page) -> Any:
    return page.locator("[data-unread]").first


def test_badge_follows_a_push_within_two_seconds(site: Any, alice: Any, like: Any) -> None:
    """Detail 38: in the title, the navigation and the icon of the app."""
    page = site.open(alice, service_workers="allow", permissions=["notifications"])
    page.add_init_script(BADGES)
    page.goto("/explore")
    await_worker(page)
    expect(badge(page)).to_be_hidden()
    assert page.title() == "Explore · Photogram"
    like()
    send_push(page, site.url, {"id": str(Notification.objects.get().pk), "type": "like", "text": "@x likes"})
    expect(badge(page)).to_have_text("1", timeout=4_000)
    expect(page).to_have_title("(1) Explore · Photogram", timeout=2_000)
    assert stored(page, "badge") == "1"


def test_badge_follows_within_a_minute_while_the_page_is_visible(site: Any, alice: Any, like: Any) -> None:
    """Detail 38: without push; a hidden page asks for nothing."""
    page = site.open(alice)
    page.clock.install()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request) if request.url.endswith("/web/unread") else None)
    page.goto("/explore")
    page.wait_for_load_state("networkidle")
    like()
    page.clock.fast_forward(60_000)
    expect(badge(page)).to_have_text("1")
    expect(page).to_have_title("(1) Explore · Photogram")
    like()
    hide = "(state) => Object.defineProperty(document, 'visibilityState', { value: state, configurable: true })"
    page.evaluate(hide, "hidden")
    page.clock.fast_forward(180_000)
    assert len(asked) == 1
    page.evaluate(hide, "visible")
    page.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")
    expect(badge(page)).to_have_text("2")


def test_list_marks_itself_as_read_when_it_is_seen(site: Any, alice: Any, like: Any) -> None:
    """Also when the page came by a link that htmx follows."""
    post = like()
    page = site.open(alice)
    page.on("dialog", lambda dialog: pytest.fail(f"a text was executed: {dialog.message}"))
    UserFactory._meta.model.objects.exclude(pk=alice.pk).update(display_name=XSS)
    page.goto("/explore")
    expect(page).to_have_title("(1) Explore · Photogram")
    with page.expect_response("**/web/notifications/read"):
        page.get_by_role("link", name="Activity").click()
    expect(page).to_have_title("Activity · Photogram")
    expect(page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    entry = page.locator(".notice").first
    expect(entry).to_contain_text("New")
    expect(entry).to_contain_text(XSS)
    assert reads.count_unread(alice.pk) == 0
    entry.get_by_text("likes your post").click()
    page.wait_for_url(f"**/p/{post.pk}")


def test_back_button_restores_the_list_unless_there_is_news(
    site: Any, alice: Any, like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.web.views.notifications.NOTIFICATIONS", 2)
    for _ in range(4):
        like()
    page = site.open(alice)
    page.goto("/notifications")
    expect(page.locator(".notice")).to_have_count(4)
    page.goto("/explore")
    page.go_back()
    expect(page.locator(".notice")).to_have_count(4)
    page.goto("/explore")
    like()
    page.go_back()
    expect(page.locator(".notice.unread")).to_have_count(1)


def test_permission_is_requested_only_after_a_press(site: Any, alice: Any, settings: Any) -> None:
    """Detail 39: and signing out ends the subscription, in the browser and on the server."""
    settings.VAPID_PRIVATE_KEY = settings.VAPID_PUBLIC_KEY = "BKey"
    page = site.open(alice, service_workers="allow", permissions=["notifications"])
    page.add_init_script(PUSH_SERVICE)
    # By a link that htmx follows: the script of the part is loaded then.
    page.goto("/explore")
    page.get_by_role("link", name="Activity").click()
    turn_on = page.get_by_role("button", name="Turn on notifications")
    expect(turn_on).to_be_visible()
    assert stored(page, "calls") is None
    with page.expect_response("**/web/push-subscriptions"):
        turn_on.click()
    expect(turn_on).to_be_hidden()
    assert stored(page, "calls").split() == ["permission", "subscribe:BKey"]
    assert push.is_possible(alice.pk)
    page.reload()
    page.wait_for_load_state("networkidle")
    expect(turn_on).to_be_hidden()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.url}/")
    assert stored(page, "calls").split()[2:] == ["unsubscribe"]
    assert not push.is_possible(alice.pk)
    assert PushSubscription.objects.get().session.end_reason == "signed_out"


def test_notification_opens_in_the_existing_window(site: Any, alice: Any, like: Any) -> None:
    """Detail 39: a press on a notification leads to its page, and reads it."""
    post = like()
    page = site.open(alice, service_workers="allow", permissions=["notifications"])
    page.goto("/explore")
    await_worker(page)
    message = {"id": str(Notification.objects.get().pk), "type": "like", "text": "@x likes your photo."}
    send_push(page, site.url, message)
    expect(badge(page)).to_have_text("1")
    [worker] = page.context.service_workers
    with page.expect_navigation(url=f"**/p/{post.pk}"):
        shown = worker.evaluate(
            """async () => {
              const [notification] = await self.registration.getNotifications();
              const { title, body, tag } = notification;
              self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
              return { title, body, tag };
            }"""
        )
    assert shown == {"title": "Photogram", "body": message["text"], "tag": message["id"]}
    assert len(page.context.pages) == 1
    assert reads.count_unread(alice.pk) == 0


DRAFTS = """async (path) => {
  const { create } = await import(path);
  const owner = document.body.dataset.member;
  const photos = [{ id: "a", state: "done" }, { id: "b", state: "waiting" }];
  await create({ id: "1", owner, state: "sending", caption: "<b>Low tide</b>", photos });
  await create({ id: "2", owner, state: "editing", caption: "", photos: [] });
  await create({ id: "3", owner: "another", state: "sending", caption: "Secret", photos });
}"""


def test_offline_page_shows_the_queue_and_recovers_without_action(site: Any, alice: Any) -> None:
    """Detail 40."""
    site.expected += [r"ERR_INTERNET_DISCONNECTED", r"Failed to load resource", r"Failed to fetch"]
    page = site.open(alice, service_workers="allow")
    page.goto("/explore")
    await_worker(page)
    page.evaluate(DRAFTS, "/static/web/js/queue.js")
    page.context.set_offline(True)
    page.goto("/@alice")
    expect(page.get_by_role("heading", level=1)).to_have_text("No connection")
    expect(page.get_by_role("listitem")).to_have_text(
        ["<b>Low tide</b> · photos uploaded: 1 of 2", "Draft without a caption"]
    )
    assert faults(page) == []
    assert page.url.endswith("/@alice")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", level=1)).to_have_text("Alice", timeout=60_000)


def caches_of(page: Page) -> dict[str, list[str]]:
    found: dict[str, list[str]] = page.evaluate(
        """async () => Object.fromEntries(await Promise.all((await caches.keys()).map(async (name) => {
             const cache = await caches.open(name);
             return [name, (await cache.keys()).map((request) => new URL(request.url).pathname).sort()];
           })))"""
    )
    return found


def test_worker_stores_its_files_only_and_a_new_version_replaces_them(
    site: Any, alice: Any, like: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No page of a member and no photo, also after a visit to several pages."""
    like()
    page = site.open(alice, service_workers="allow")
    page.goto("/explore")
    await_worker(page)
    for path in ("/", "/notifications", "/@alice"):
        page.goto(path)
    [(first, files)] = caches_of(page).items()
    assert files == sorted(["/offline", *(f"{django_settings.STATIC_URL}{name}" for name in install.STORED_FILES)])
    text = page.evaluate("async () => (await caches.match('/offline', { ignoreVary: true })).text()")
    assert "alice" not in text
    monkeypatch.setattr(install, "STORED_FILES", [*install.STORED_FILES, "web/js/posts.js"])
    page.evaluate("() => navigator.serviceWorker.ready.then((registration) => registration.update()).then(() => null)")
    eventually(lambda: first not in caches_of(page))
    [files] = caches_of(page).values()
    assert "/static/web/js/posts.js" in files


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_pages_have_no_accessibility_faults(
    size: Any, scheme: str, site: Any, alice: Any, like: Any, deliver: Any, settings: Any
) -> None:
    settings.VAPID_PUBLIC_KEY = "BKey"
    post = like()
    engagement.like_comment(CommentFactory(post=post, author=alice).pk, by=UserFactory().pk)
    deliver()
    page = site.open(alice, size=size, scheme=scheme)
    for path in ("/notifications", "/notifications?unread=true", "/offline"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.get_by_role("heading", level=1).count() == 1
        assert faults(page) == [], path


def test_pages_fit_into_320_pixels(site: Any, alice: Any, like: Any, settings: Any) -> None:
    settings.VAPID_PUBLIC_KEY = "BKey"
    like()
    UserFactory._meta.model.objects.exclude(pk=alice.pk).update(display_name="W" * 50)
    page = site.open(alice, size={"width": 320, "height": 640})
    for path in ("/notifications", "/offline"):
        page.goto(path)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, path


def test_list_works_without_javascript(site: Any, alice: Any, like: Any) -> None:
    like()
    page = site.open(alice, java_script_enabled=False)
    page.goto("/notifications")
    expect(page.locator(".push")).to_be_hidden()
    page.get_by_role("button", name="Mark all as read").click()
    expect(page).to_have_title(re.compile(r"^Activity"))
    expect(page.get_by_role("button", name="Mark all as read")).to_be_hidden()
    assert reads.count_unread(alice.pk) == 0
