"""Posts in Chromium: likes, carousels, photos, captions, keys and new posts."""

import pytest
from playwright.sync_api import Route, expect

from apps.accounts.models import User
from apps.engagement.models import Like, Save
from apps.media.models import Media
from tests.conftest import clear_caches
from tests.console.browser.axe import faults
from tests.factories import CommentFactory, FollowFactory, LikeFactory, PostFactory, UserFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
STORAGE = "**/variants/**"
ALT = "Two boats on the mud at low tide."


@pytest.fixture
def alice() -> User:
    return UserFactory(handle="alice", display_name="Alice")


@pytest.fixture
def bob(alice) -> User:
    bob = UserFactory(handle="bob")
    FollowFactory(follower=bob, followed=alice)
    return bob


class Held:
    """Requests that wait until the test lets them go on."""

    def __init__(self, page, pattern):
        self.routes = []
        page.route(pattern, lambda route: self.routes.append(route))

    def wait(self, page, number=1):
        for _ in range(100):
            if len(self.routes) >= number:
                return
            page.wait_for_timeout(20)
        raise AssertionError(f"{len(self.routes)} requests instead of {number}")

    def next(self):
        return self.routes.pop(0)


def like_button(page):
    return page.get_by_role("button", name="Like", exact=True).first


def test_like_reacts_at_once_and_a_refusal_reverts_it(site, alice, bob):
    """2 and 4: the button and the count change within 100 ms; a refusal takes both back and says why."""
    PostFactory(author=alice)
    page = site.open(bob)
    page.goto("/")
    held = Held(page, "**/like")
    shown = like_button(page).evaluate(
        """async (button) => {
          const start = performance.now();
          button.click();
          await new Promise(requestAnimationFrame);
          return [button.getAttribute("aria-pressed"), performance.now() - start];
        }"""
    )
    assert shown[0] == "true"
    assert shown[1] < 100
    expect(page.locator("[data-count]")).to_contain_text("1")
    held.wait(page)
    site.expected.append("429")
    problem = '{"title": "Too many requests", "detail": "Too many requests; try again later."}'
    held.next().fulfill(status=429, content_type="application/problem+json", body=problem)
    expect(like_button(page)).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-count]")).to_have_text("0 likes")
    expect(page.get_by_text("Too many requests; try again later.")).to_be_visible()


def test_fast_presses_send_one_request_at_a_time(site, alice, bob):
    """3: five fast presses; the last state wins."""
    post = PostFactory(author=alice)
    page = site.open(bob)
    page.goto("/")
    held = Held(page, "**/like")
    for _ in range(5):
        like_button(page).click()
    held.wait(page)
    like_button(page).click()  # the sixth: unlike
    page.wait_for_timeout(100)
    assert len(held.routes) == 1
    held.next().continue_()
    held.wait(page)
    assert "liked=false" in held.routes[0].request.post_data
    with page.expect_response("**/like"):
        held.next().continue_()
    expect(like_button(page)).to_have_attribute("aria-pressed", "false")
    expect(page.locator("[data-count]")).to_have_text("0 likes")
    assert not Like.objects.filter(post=post).exists()


@pytest.mark.parametrize("touch", [False, True])
def test_double_tap_likes_and_never_unlikes(site, alice, bob, touch):
    """1: the heart is gone after 900 ms."""
    PostFactory(author=alice)
    page = site.open(bob, touch=touch)
    page.goto("/")
    photo = page.locator(".carousel .photo")
    box = photo.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for _ in range(2):
        if touch:
            page.touchscreen.tap(x, y)
            page.touchscreen.tap(x, y)
        else:
            page.mouse.dblclick(x, y)
        expect(page.locator(".burst")).to_be_attached()
        expect(page.locator(".burst")).to_have_count(0, timeout=4_000)
        expect(like_button(page)).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-count]")).to_have_text("1 like")
    assert Like.objects.count() == 1


def swipe(page, element):
    """A swipe to the left across half of an element, which ends without speed: a fast one may go further."""
    box = element.bounding_box()
    # Above the buttons.
    y, session = box["y"] + box["height"] / 4, page.context.new_cdp_session(page)
    places = [box["x"] + box["width"] * part for part in (0.8, 0.75, 0.6, 0.4, 0.3, 0.2, 0.2, 0.2, 0.2)]
    for at, x in enumerate(places):
        kind = "touchMove" if at else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(30)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_carousel_moves_by_buttons_keys_and_swipe(site, alice, bob):
    """5: each move is announced."""
    PostFactory(author=alice, photos=3)
    page = site.open(bob)
    page.goto("/")
    announced = page.locator(".announce")
    page.get_by_role("button", name="Next photo").click()
    expect(announced).to_have_text("Photo 2 of 3")
    page.locator(".track").press("ArrowRight")
    expect(announced).to_have_text("Photo 3 of 3")
    expect(page.get_by_role("button", name="Next photo")).to_be_hidden()
    page.locator(".track").press("ArrowLeft")
    expect(announced).to_have_text("Photo 2 of 3")
    phone = site.open(bob, touch=True)
    phone.goto("/")
    swipe(phone, phone.locator(".track"))
    expect(phone.locator(".announce")).to_have_text("Photo 2 of 3")


def test_carousel_and_sensitive_photo_without_javascript(site, alice, bob):
    """6: it scrolls; what needs JavaScript is not shown."""
    PostFactory(author=alice, photos=2, sensitive=True)
    PostFactory(author=alice, photos=3)
    page = site.open(bob, java_script_enabled=False)
    page.goto("/")
    post = page.locator("article").first
    second = post.locator(".slide").nth(1)
    before = second.bounding_box()["x"]
    post.locator(".track").hover()
    page.mouse.wheel(620, 0)
    page.wait_for_timeout(500)
    assert second.bounding_box()["x"] < before - 300
    assert not page.get_by_role("button", name="Next photo").first.is_visible()
    page.get_by_role("link", name="Show").click()
    expect(page.locator("img[data-photo]")).to_have_count(2)


def test_placeholders_keep_the_ratio_and_show_colour_and_blurhash(site, alice, bob):
    """7 and 9: nothing moves while photos load. The first photo is loaded first."""
    posts = PostFactory.create_batch(3, author=alice, photos=2)
    Media.objects.filter(owner=alice, item__post=posts[1]).update(width=800, height=1600)
    page = site.open(bob, touch=True)
    waiting: list[Route] | None = []
    page.route(STORAGE, lambda route: route.fallback() if waiting is None else waiting.append(route))
    page.goto("/", wait_until="domcontentloaded")
    photo = page.locator(".photo").first
    expect(photo.locator("canvas.blur")).to_be_attached()
    assert photo.locator("rect").get_attribute("fill") == "#6a7b8c"
    box = photo.bounding_box()
    assert abs(box["width"] / box["height"] - 1200 / 800) < 0.01
    first, second = page.locator("img[data-photo]").all()[:2]
    assert first.get_attribute("fetchpriority") == "high"
    assert first.get_attribute("loading") is None
    assert second.get_attribute("loading") == "lazy"
    held, waiting = waiting, None
    for route in held:
        route.fallback()
    page.wait_for_timeout(400)
    for height in (600, 1200):
        page.mouse.wheel(0, height)
        page.wait_for_timeout(200)
    assert (
        page.evaluate(
            """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => {
            for (const shift of list.getEntries()) if (!shift.hadRecentInput) sum += shift.value;
          }).observe({ type: "layout-shift", buffered: true });
          setTimeout(() => resolve(sum), 200);
        })"""
        )
        < 0.02
    )


def test_photos_are_at_most_four_to_five(site, alice, bob):
    """The frame of a carousel has the ratio of its first photo, and is not higher than 4:5."""
    PostFactory(author=alice, photos=2)
    media = list(Media.objects.order_by("pk"))
    Media.objects.filter(pk=media[0].pk).update(width=600, height=1800)
    page = site.open(bob, touch=True)
    page.goto("/")
    frame = page.locator(".carousel").bounding_box()
    assert abs(frame["height"] / frame["width"] - 1.25) < 0.01


def test_variants_fit_the_screen(site, alice, bob):
    """8: `medium` in the feed of a phone, `thumb` in its grids, WebP before JPEG."""
    post = PostFactory(author=alice)
    LikeFactory(post=post, user=bob)
    page = site.open(bob, touch=True)
    for path, name in (("/", "medium"), ("/liked", "thumb"), ("/@alice", "thumb")):
        page.goto(path)
        source = page.locator("img[data-photo]").first.evaluate(
            "(image) => image.decode().then(() => image.currentSrc)"
        )
        assert source.split("?")[0].endswith(f"{name}.webp")
    srcset = page.locator("img[data-photo]").first.get_attribute("srcset")
    assert all(f"/{name}.jpg" in srcset for name in ("thumb", "medium", "large"))


def test_every_photo_with_a_text_has_an_alt_button(site, alice, bob):
    """10: the dialog closes with Escape, and the focus is on the button again."""
    PostFactory(author=alice, photos=3)
    Media.objects.update(alt_text=ALT)
    page = site.open(bob)
    page.goto("/")
    buttons = page.get_by_role("button", name="ALT")
    assert buttons.count() == 3
    buttons.first.click()
    dialog = page.get_by_role("dialog", name="Description of the photo")
    expect(dialog).to_have_text(ALT)
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(buttons.first).to_be_focused()


def test_sensitive_photo_is_not_fetched_before_show(site, alice, bob):
    """11."""
    PostFactory(author=alice, photos=2, sensitive=True)
    page = site.open(bob)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "/variants/" in request.url else None)
    page.goto("/")
    expect(page.get_by_text("Sensitive content")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert fetched == []
    page.get_by_role("link", name="Show").click()
    expect(page.locator("img[data-photo]").first).to_be_visible()
    page.get_by_role("button", name="Next photo").click()
    expect(page.locator(".announce")).to_have_text("Photo 2 of 2")
    assert fetched


def test_long_caption_unfolds_and_its_mentions_and_tags_are_links(site, alice, bob):
    """12."""
    caption = "Low tide at #husum. " + "The sea goes and comes. " * 30
    PostFactory(author=alice, caption=caption)
    page = site.open(bob)
    page.goto("/")
    text = page.locator(".caption p")
    folded = text.bounding_box()["height"]
    page.get_by_role("link", name="more", exact=True).click()
    assert text.bounding_box()["height"] > folded * 1.5
    expect(page.get_by_role("link", name="#husum")).to_have_attribute("href", "/tags/husum")


def test_expired_address_is_renewed_once(site, alice, bob):
    """13."""
    PostFactory(author=alice, visibility="followers")
    site.expected.append("403")
    asked: list[str] = []
    refusals = [2]

    def answer(route):
        refusals[0] -= 1
        route.fulfill(status=403) if refusals[0] > 0 else route.fallback()

    page = site.open(bob)
    page.on("request", lambda request: asked.append(request.url) if "/web/posts/" in request.url else None)
    page.route(STORAGE, answer)
    page.goto("/")
    image = page.locator("img[data-photo]").first
    expect(image).to_have_attribute("data-renewed", "true")
    for _ in range(100):
        if image.evaluate("(image) => image.complete && image.naturalWidth"):
            break
        page.wait_for_timeout(50)
    assert image.evaluate("(image) => image.naturalWidth") > 0
    assert len(asked) == 1
    # An address that stays invalid is asked for once.
    refusals[0] = 1000
    page.reload()
    expect(image).to_have_attribute("data-renewed", "true")
    page.wait_for_timeout(500)
    assert len(asked) == 2


def test_keyboard_shortcuts(site, alice, bob):
    """14: j k l s c / ?, which a setting turns off."""
    posts = PostFactory.create_batch(3, author=alice)
    page = site.open(bob)
    page.goto("/")
    articles = page.locator("article.post")
    page.keyboard.press("j")
    expect(articles.nth(0)).to_be_focused()
    page.keyboard.press("j")
    expect(articles.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(articles.nth(0)).to_be_focused()
    with page.expect_response("**/like"):
        page.keyboard.press("l")
    with page.expect_response("**/save"):
        page.keyboard.press("s")
    assert Like.objects.get().post_id == Save.objects.get().post_id == posts[2].pk
    page.keyboard.press("?")
    help_dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(help_dialog).to_be_visible()
    assert faults(page) == []
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    page.keyboard.press("c")
    page.wait_for_url("**/p/**")
    page.keyboard.press("c")
    expect(page.get_by_label("Add a comment")).to_be_focused()
    page.keyboard.type("l")
    expect(page.get_by_label("Add a comment")).to_have_value("l")
    User.objects.filter(pk=bob.pk).update(settings={"keyboard_shortcuts": False})
    page.goto("/")
    page.keyboard.press("j")
    page.keyboard.press("?")
    page.wait_for_timeout(300)
    expect(articles.nth(0)).not_to_be_focused()
    assert page.get_by_role("dialog").count() == 0


def test_new_posts_do_not_move_the_content(site, alice, bob):
    """19: a link at the top says how many there are."""
    PostFactory.create_batch(3, author=alice)
    page = site.open(bob)
    page.clock.install()
    page.goto("/")
    page.mouse.wheel(0, 500)
    post = page.locator("article.post").nth(1)
    before = post.bounding_box()["y"]
    PostFactory.create_batch(3, author=alice)
    clear_caches()
    page.clock.fast_forward(61_000)
    link = page.get_by_role("link", name="3 new posts")
    expect(link).to_be_visible()
    assert abs(post.bounding_box()["y"] - before) < 300  # the smooth wheel may still be moving it
    expect(page.locator("article.post")).to_have_count(3)
    link.click()
    expect(page.locator("article.post")).to_have_count(6)


def test_deleting_a_post_asks_and_moves_the_focus(site, alice):
    """26: the next post has the focus."""
    PostFactory.create_batch(2, author=alice)
    page = site.open(alice)
    page.goto("/")
    first, second = page.locator("article.post").all()
    key = second.get_attribute("data-key")
    first.locator("summary").click()
    assert faults(page) == []
    first.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(page.locator("article.post")).to_have_count(2)
    first.locator("summary").click()
    first.get_by_role("link", name="Delete").click()
    with page.expect_response("**/delete"):
        page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("article.post")).to_have_count(1)
    assert page.evaluate("() => document.activeElement.closest('article')?.dataset.key") == key
    expect(page.get_by_text("Your post was deleted.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("touch", [False, True])
def test_pages_are_accessible_and_fit(site, alice, bob, scheme, touch):
    """axe finds nothing serious, and nothing scrolls sideways at 320 px."""
    post = PostFactory(author=alice, photos=3, caption="Low tide at #husum with @bob " + "x" * 400)
    PostFactory(author=bob, sensitive=True)
    Media.objects.update(alt_text=ALT)
    thread = CommentFactory(post=post, author=bob, text="What light! @alice " + "w" * 200)
    CommentFactory(post=post, author=alice, parent=thread)
    LikeFactory(post=post, user=bob)
    for user in (bob, None):
        page = site.open(user, scheme=scheme, touch=touch)
        paths = ["/", f"/p/{post.pk}", f"/p/{post.pk}/comments/{thread.pk}"]
        for path in [*paths, f"/p/{post.pk}/likes", "/saved", "/liked"] if user else paths:
            page.goto(path)
            page.wait_for_load_state("networkidle")
            assert faults(page) == [], path
            assert page.locator("h1").count() == 1
            if touch:
                page.set_viewport_size({"width": 320, "height": 640})
                assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, path
                page.set_viewport_size({"width": 390, "height": 844})
