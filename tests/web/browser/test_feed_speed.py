"""How fast the feed is on a slow phone: 1.6 Mbit/s, 150 ms latency, a fourth of the CPU."""

import io

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.middleware.gzip import GZipMiddleware
from django.test.testcases import FSFilesHandler
from PIL import Image
from playwright.sync_api import expect

from apps.media.models import Media
from tests.factories import FollowFactory, PostFactory, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
SPEED = 1_600_000 / 8


@pytest.fixture
def reader():
    alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
    FollowFactory(follower=bob, followed=alice)
    PostFactory.create_batch(10, author=alice, photos=2, caption="Low tide at #husum with @bob. " * 12)
    return bob


def picture(size):
    """A WebP picture of `size` bytes or a little less."""
    for noise in range(40, 0, -2):
        file = io.BytesIO()
        Image.effect_noise((540, 360), noise).resize((1080, 720), Image.Resampling.BICUBIC).save(
            file, "WEBP", quality=60
        )
        if file.tell() <= size:
            return file.getvalue()
    raise AssertionError


def compress(request, response):
    return GZipMiddleware(lambda _: response)(request)


def slow_down(page):
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": 150, "downloadThroughput": SPEED, "uploadThroughput": SPEED}
    session.send("Network.emulateNetworkConditions", conditions)
    session.send("Emulation.setCPUThrottlingRate", {"rate": 4})


def test_first_visit_takes_seven_requests(site, reader):
    for touch in (True, False):
        page = site.open(reader, touch=touch)
        requests: list[str] = []
        page.on("request", lambda request, seen=requests: seen.append(request.url))
        page.goto("/")
        page.wait_for_load_state("networkidle")
        # The service worker is registered after the page.
        own = [
            url.removeprefix(site.url) for url in requests if url.startswith(site.url) and url != f"{site.url}/sw.js"
        ]
        assert len(own) <= 7, "\n".join(own)


def test_largest_contentful_paint(site, reader, settings, monkeypatch):
    """At most 2.5 s, the best of five. A photo of 80 KB comes from the storage, like everything else slowly."""
    # In production pages and static files are compressed.
    settings.MIDDLEWARE = ["django.middleware.gzip.GZipMiddleware", *settings.MIDDLEWARE]
    serve = FSFilesHandler.serve
    monkeypatch.setattr(FSFilesHandler, "serve", lambda self, request: compress(request, serve(self, request)))
    site.open(reader).goto("/")  # the server compiles its templates
    photo = picture(80_000)
    for medium in Media.objects.order_by("-pk")[:8]:
        storages["default"].save(f"variants/{medium.private_secret}/medium.webp", ContentFile(photo))
    site.expected.append("404|403")
    times = []
    for _ in range(5):
        page = site.open(reader, touch=True, storage=True)
        slow_down(page)
        page.goto("/", wait_until="load")
        times.append(
            page.evaluate(
                """() => new Promise((resolve) => {
                  let last = 0;
                  new PerformanceObserver((list) => { last = list.getEntries().at(-1).startTime; })
                    .observe({ type: "largest-contentful-paint", buffered: true });
                  setTimeout(() => resolve(last), 1500);
                })"""
            )
        )
        if times[-1] <= 2500:
            break
    assert 0 < min(times) <= 2500, times


def test_interaction_to_next_paint(site, reader):
    """Each of these presses takes at most 100 ms, in the best of ten rounds: other work on the machine adds to it."""
    page = site.open(reader, touch=True)
    page.goto("/")
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """() => {
          window.durations = [];
          new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) if (entry.interactionId) window.durations.push(entry.duration);
          }).observe({ type: "event", durationThreshold: 16 });
        }"""
    )
    slow_down(page)
    post = page.locator("article.post").first
    announced = post.locator(".announce")
    best: dict[str, float] = {}

    def press(name, button):
        button.tap()
        page.wait_for_timeout(150)
        taken = page.evaluate("() => Math.max(0, ...window.durations.splice(0))")
        best[name] = min(taken, best.get(name, taken))

    for _ in range(10):
        press("like", post.get_by_role("button", name="Like", exact=True))
        press("save", post.get_by_role("button", name="Save"))
        press("next photo", post.get_by_role("button", name="Next photo"))
        expect(announced).to_have_text("Photo 2 of 2")
        press("previous photo", post.get_by_role("button", name="Previous photo"))
        expect(announced).to_have_text("Photo 1 of 2")
        press("open menu", post.locator("summary"))
        press("close menu", post.locator("summary"))
        if max(best.values()) <= 100:
            break
    assert max(best.values()) <= 100, best
