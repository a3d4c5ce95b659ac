"""The composer in Chromium: photos go to the real storage, and tasks run when a test says so."""

import io
import re
from typing import Any

import pytest
from django.conf import settings
from PIL import Image
from playwright.sync_api import Page, Route, expect

from apps.content.models import Post, PostMedia
from apps.media.models import Media
from apps.safety.models import BlockedTerm
from tests.console.browser.axe import faults
from tests.factories import UserFactory
from tests.media.pictures import quarters
from tests.web.browser.conftest import DESKTOP, PHONE

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
XSS = '<img src=x onerror="alert(1)">'
STORAGE = re.compile(re.escape(settings.S3_PUBLIC_ENDPOINT_URL) + ".*/uploads/.*")


def photo(name: str, colour: str = "teal", size: tuple[int, int] = (900, 600), kind: str = "JPEG") -> dict[str, Any]:
    """A file for a picker."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, kind)
    return {"name": name, "mimeType": "image/jpeg", "buffer": file.getvalue()}


def three() -> list[dict[str, Any]]:
    return [photo("a.jpg", "teal"), photo("b.jpg", "orange"), photo("c.jpg", "purple")]


def open_composer(site: Any, user: Any, **options: Any) -> Page:
    page: Page = site.open(user, storage=True, **options)
    page.goto("/new")
    expect(page.locator("#composer[data-started=true]")).to_be_visible()
    return page


def choose(page: Page, files: list[dict[str, Any]]) -> None:
    page.get_by_label("Choose photos").set_input_files(files)


def states(page: Page) -> Any:
    return page.locator(".composer-state")


def expect_uploaded(page: Page, number: int) -> None:
    done = page.locator('.composer-state[data-state="done"], .composer-state[data-state="ready"]')
    expect(done).to_have_count(number, timeout=60_000)


def share(page: Page, *, without_alt: bool = True) -> None:
    page.get_by_role("button", name="Share", exact=True).click()
    if without_alt:
        page.get_by_role("button", name="Share without").click()


def names(page: Page) -> list[str]:
    return page.locator(".composer-photo textarea").evaluate_all("fields => fields.map((field) => field.value)")


class Hold:
    """Keeps the uploads of a page from storage until `release`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.routes: list[Route] = []
        self.is_open = False
        page.route(STORAGE, self._handle)

    def _handle(self, route: Route) -> None:
        if self.is_open or route.request.method != "PUT":
            route.continue_()
        else:
            self.routes.append(route)

    def wait_for(self, number: int) -> None:
        """Wait until at least so many uploads are held."""
        for _ in range(100):
            if len(self.routes) >= number:
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(self.routes)} uploads instead of {number}")

    def release(self) -> None:
        self.is_open = True
        while self.routes:
            self.routes.pop(0).continue_()


def drop(page: Page, files: list[dict[str, Any]], kind: str) -> None:
    """Drop files on the page, or paste them."""
    script = """([files, kind]) => {
      const data = new DataTransfer();
      for (const { name, bytes } of files) data.items.add(new File([new Uint8Array(bytes)], name));
      const event = kind === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    }"""
    page.evaluate(script, [[{"name": file["name"], "bytes": list(file["buffer"])} for file in files], kind])


class TestPhotos:
    def test_picker_drop_paste_and_camera_show_previews_at_once(self, site):
        """(27) Previews appear within 200 ms, and the alt texts are asked for (32)."""
        alice = UserFactory(handle="alice")
        page = open_composer(site, alice, touch=True)
        page.evaluate(
            """() => {
              const list = document.getElementById("composer-list");
              document.addEventListener("change", () => (window.started = performance.now()), true);
              const measure = () => (window.took ??= performance.now() - window.started);
              new MutationObserver(measure).observe(list, { childList: true });
            }"""
        )
        choose(page, three())
        previews = page.locator(".composer-preview img")
        expect(previews).to_have_count(3)
        assert page.evaluate("() => window.took") < 200
        drop(page, [photo("d.jpg")], "drop")
        expect(previews).to_have_count(4)
        drop(page, [photo("e.jpg")], "paste")
        expect(previews).to_have_count(5)
        camera = page.get_by_label("Take a photo")
        assert camera.get_attribute("capture") == "environment"
        camera.set_input_files([photo("f.jpg")])
        expect(previews).to_have_count(6)
        assert previews.evaluate_all("all => all.every((image) => image.naturalWidth === 900)")
        expect(page.get_by_text("Describe it for people who cannot see it.")).to_have_count(6)
        expect_uploaded(page, 6)
        assert Media.objects.filter(owner=alice, status="uploaded").count() == 6

    def test_files_that_cannot_be_shared_are_refused_by_name_and_limit(self, site):
        """(30) Nothing of them is sent. The first ten good photos stay."""
        page = open_composer(site, UserFactory(handle="alice"))
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if "/web/uploads" in request.url else None)
        wide = photo("wide.png", size=(1, 1), kind="PNG")
        header = bytearray(wide["buffer"])
        bad = [
            {"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"only text"},
            {"name": "nothing.jpg", "mimeType": "image/jpeg", "buffer": b""},
            {"name": "huge.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff" + bytes(31_000_000)},
            {"name": "broken.png", "mimeType": "image/png", "buffer": bytes(header[:40])},
            {"name": "page.svg", "mimeType": "image/svg+xml", "buffer": b"<svg xmlns='http://www.w3.org/2000/svg'/>"},
        ]
        choose(page, bad)
        notices = page.locator("#composer-notices")
        expect(notices).to_contain_text("notes.jpg is not a photo that can be shared.")
        expect(notices).to_contain_text("nothing.jpg is empty.")
        expect(notices).to_contain_text("huge.jpg has 31 MB. The limit is 30 MB.")
        expect(notices).to_contain_text("broken.png is damaged and cannot be shown.")
        expect(notices).to_contain_text("page.svg is not a photo that can be shared.")
        expect(page.locator(".composer-photo")).to_have_count(0)
        assert sent == []
        choose(page, [photo(f"{number}.jpg") for number in range(11)])
        expect(notices).to_have_text("A post has at most 10 photos. Not added: 10.jpg")
        expect(page.locator(".composer-photo")).to_have_count(10)
        expect(page.get_by_label("Choose photos")).to_be_hidden()
        expect_uploaded(page, 10)

    def test_photo_with_too_many_pixels_is_refused(self, site, settings):
        """(30)"""
        settings.MEDIA_MAX_PIXELS = 2_000_000
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, [photo("map.jpg", size=(2000, 1500))])
        expect(page.locator("#composer-notices")).to_have_text("map.jpg has 3 megapixels. The limit is 2.")
        assert not Media.objects.exists()

    def test_order_changes_by_buttons_keys_and_drag(self, site):
        """(31) The focus stays on the button, and the new place is announced."""
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, three())
        for number, name in enumerate("ABC", 1):
            page.get_by_label(f"Alt text of photo {number}").fill(name)
        page.get_by_role("button", name="Move photo 1 down").focus()
        page.keyboard.press("Enter")
        assert names(page) == ["B", "A", "C"]
        expect(page.locator("#composer-moves")).to_have_text("Photo 2 of 3")
        expect(page.get_by_role("button", name="Move photo 2 down")).to_be_focused()
        page.get_by_role("button", name="Move photo 2 down").click()
        assert names(page) == ["B", "C", "A"]
        page.get_by_role("button", name="Move photo 3 down").click(force=True)
        assert names(page) == ["B", "C", "A"]
        places = [handle.bounding_box() for handle in page.locator(".composer-preview").all()]
        middles = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in places]
        page.mouse.move(*middles[2])
        page.mouse.down()
        page.mouse.move(*middles[1], steps=3)
        page.mouse.move(*middles[0], steps=3)
        page.mouse.up()
        assert names(page) == ["A", "B", "C"]
        expect_uploaded(page, 3)
        page.reload()
        expect(page.locator(".composer-photo")).to_have_count(3)
        assert names(page) == ["A", "B", "C"]

    def test_order_changes_by_touch(self, site):
        """(31) By the grip, while the list can still be scrolled by the photos."""
        page = open_composer(site, UserFactory(handle="alice"), touch=True)
        choose(page, three())
        expect_uploaded(page, 3)
        for number, name in enumerate("ABC", 1):
            page.get_by_label(f"Alt text of photo {number}").fill(name)
        page.evaluate("() => scrollTo(0, 0)")
        boxes = [page.locator(".composer-grip").nth(place).bounding_box() for place in (0, 1)]
        x, start, end = boxes[0]["x"] + 20, boxes[0]["y"] + 20, boxes[1]["y"] + 20
        touch = page.context.new_cdp_session(page)
        for kind, y in (("touchStart", start), ("touchMove", (start + end) / 2), ("touchMove", end), ("touchEnd", 0)):
            points = [{"x": x, "y": y}] if y else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        expect(page.locator("#composer-moves")).to_have_text("Photo 2 of 3")
        assert names(page) == ["B", "A", "C"]


class TestUploads:
    def test_two_at_a_time_with_progress_cancel_and_retry(self, site):
        """(28)"""
        alice = UserFactory(handle="alice")
        site.expected = ["ERR_FAILED", "403"]
        page = open_composer(site, alice)
        held = Hold(page)
        choose(page, three())
        expect(page.locator('.composer-state[data-state="uploading"]')).to_have_count(2)
        expect(states(page).nth(0)).to_contain_text("Uploading, ")
        expect(states(page).nth(2)).to_contain_text("Waiting")
        held.wait_for(2)
        # Cancel the first: the third starts.
        page.get_by_role("button", name="Cancel the upload of photo 1").click()
        expect(page.locator(".composer-photo")).to_have_count(2)
        expect(page.locator('.composer-state[data-state="uploading"]')).to_have_count(2)
        held.wait_for(3)
        # Storage refuses the URL: another one is requested.
        with page.expect_request("**/web/uploads"):
            held.routes.pop(1).fulfill(status=403)
        held.routes.pop(0)
        held.release()
        expect_uploaded(page, 2)
        assert Media.objects.filter(owner=alice, status="uploaded").count() == 2

    def test_refusal_of_the_server_is_shown_and_can_be_retried(self, site):
        """(28) The quota is used up, then free again."""
        site.expected = ["409"]
        page = open_composer(site, UserFactory(handle="alice"))
        page.route(
            "**/web/uploads",
            lambda route: route.fulfill(
                status=409,
                content_type="application/problem+json",
                body='{"code": "upload_quota_exceeded", "detail": "Post or delete some of your uploads first."}',
            ),
        )
        choose(page, [photo("a.jpg")])
        expect(states(page)).to_have_text(re.compile("Post or delete some of your uploads first."))
        page.unroute("**/web/uploads")
        page.get_by_role("button", name="Upload photo 1 again").click()
        expect_uploaded(page, 1)

    def test_storage_that_is_down_is_tried_again(self, site):
        """(28) 503 of the API and a refused connection to storage: a message, and it goes on by itself."""
        site.expected = ["503", "ERR_CONNECTION_REFUSED"]
        page = open_composer(site, UserFactory(handle="alice"))
        page.route("**/web/uploads", lambda route: route.fulfill(status=503, json={"code": "storage_unavailable"}))
        page.route(STORAGE, lambda route: route.abort("connectionrefused"))
        choose(page, [photo("a.jpg")])
        expect(states(page)).to_contain_text("Photos cannot be uploaded at the moment. We keep trying.")
        page.unroute("**/web/uploads")
        expect(states(page)).to_contain_text("Waiting for the connection", timeout=60_000)
        page.unroute(STORAGE)
        page.get_by_role("button", name="Upload photo 1 again").click()
        expect_uploaded(page, 1)

    def test_post_survives_network_loss_reload_and_a_closed_tab(self, site):
        """(29) Captions, alt texts and files are kept; the post is created once."""
        alice = UserFactory(handle="alice")
        site.expected = ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_ABORTED"]
        page = open_composer(site, alice)
        context = page.context
        context.set_offline(True)
        choose(page, three())
        page.get_by_label("Caption").fill(f"Low tide {XSS}")
        page.get_by_label("Alt text of photo 1").fill(XSS)
        page.get_by_label("Your followers").check()
        expect(states(page).nth(0)).to_contain_text("Waiting for the connection")
        page.wait_for_timeout(500)
        context.set_offline(False)
        held = Hold(page)
        page.on("dialog", lambda dialog: dialog.accept())
        page.reload()
        expect(page.get_by_label("Caption")).to_have_value(f"Low tide {XSS}")
        expect(page.get_by_label("Alt text of photo 1")).to_have_value(XSS)
        expect(page.locator(".composer-preview img")).to_have_count(3)
        share(page)
        expect(page.get_by_role("heading", name="Uploading 1 of 3")).to_be_visible()
        expect(page.locator("#composer-sending")).to_be_visible()
        held.wait_for(2)
        page.close()
        second = context.new_page()
        second.goto("/explore")
        expect(second.get_by_text("Your post is shared.")).to_be_visible()
        second.get_by_role("button", name="View").click()
        post = Post.objects.get()
        expect(second).to_have_url(re.compile(f"/p/{post.pk}"))
        expect(second.get_by_text("Low tide <img")).to_be_visible()
        assert (post.author, post.caption, post.visibility) == (alice, f"Low tide {XSS}", "followers")
        alts = PostMedia.objects.filter(post=post).order_by("position").values_list("medium__alt_text", flat=True)
        assert list(alts) == [XSS, "", ""]

    def test_lost_response_creates_one_post(self, site):
        """(29) The server has created the post, but the browser did not hear of it."""
        site.expected = ["ERR_CONNECTION_RESET"]
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, [photo("a.jpg")])
        expect_uploaded(page, 1)
        lost: list[str | None] = []

        def lose(route: Route) -> None:
            lost.append(route.request.headers.get("idempotency-key"))
            if len(lost) == 1:
                route.fetch()
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/web/posts", lose)
        share(page)
        expect(page).to_have_url(re.compile("/p/"), timeout=60_000)
        assert len(set(lost)) == 1
        assert len(lost) == 2
        assert Post.objects.count() == 1

    def test_queue_goes_on_while_the_member_navigates(self, site):
        """A status shows how far it is in every page."""
        page = open_composer(site, UserFactory(handle="alice"))
        held = Hold(page)
        choose(page, three())
        share(page)
        expect(page.get_by_role("heading", name="Uploading 1 of 3")).to_be_visible()
        page.get_by_role("link", name="Explore").click()
        expect(page).to_have_url(re.compile("/explore"))
        status = page.locator("#queue")
        expect(status).to_have_text("Uploading 1 of 3")
        held.wait_for(2)
        held.routes.pop(0).continue_()
        expect(status).to_have_text("Uploading 2 of 3")
        held.release()
        expect(page.get_by_text("Your post is shared.")).to_be_visible()
        expect(status).to_be_hidden()
        assert Post.objects.count() == 1

    def test_two_tabs_upload_each_photo_once(self, site):
        """(29) One tab at a time works on the queue; the other one shows it."""
        page = open_composer(site, UserFactory(handle="alice"))
        held = Hold(page)
        choose(page, [photo("a.jpg"), photo("b.jpg")])
        expect(page.locator('.composer-state[data-state="uploading"]')).to_have_count(2)
        other = page.context.new_page()
        puts: list[str] = []
        other.on("request", lambda request: puts.append(request.url) if request.method == "PUT" else None)
        other.goto("/new")
        expect(other.locator('.composer-state[data-state="uploading"]')).to_have_count(2)
        other.get_by_label("Caption").fill("From the other tab")
        expect(page.get_by_label("Caption")).to_have_value("From the other tab")
        held.wait_for(2)
        held.release()
        expect_uploaded(other, 2)
        assert puts == []
        share(other)
        expect(other).to_have_url(re.compile("/p/"))
        expect(page).to_have_url(re.compile("/p/"))
        assert Post.objects.count() == 1
        assert Media.objects.count() == 2

    def test_queue_belongs_to_the_member_who_made_it(self, site):
        """After signing out, and for another member, nothing is sent or shown. It goes on when she is back."""
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        site.expected = ["401"]
        page = open_composer(site, alice)
        held = Hold(page)
        choose(page, [photo("a.jpg")])
        page.get_by_label("Caption").fill("Mine")
        share(page)
        expect(page.get_by_role("heading", name="Uploading 1 of 1")).to_be_visible()
        # Another member signs in, and the page of the first one is still open.
        site.sign_in(page.context, bob)
        held.wait_for(1)
        held.release()
        expect(page.get_by_role("heading", name="Sign in again to go on with the upload")).to_be_visible()
        page.goto("/new")
        expect(page.locator("#composer[data-started=true]")).to_be_visible()
        expect(page.get_by_label("Caption")).to_have_value("")
        page.wait_for_timeout(300)
        assert not Media.objects.filter(owner=bob).exists()
        assert not Post.objects.exists()
        site.sign_in(page.context, alice)
        page.goto("/explore")
        expect(page.get_by_text("Your post is shared.")).to_be_visible()
        assert Post.objects.get().author == alice


class TestSharing:
    def test_alt_texts_are_asked_for_and_not_forced(self, site):
        """(32)"""
        page = open_composer(site, UserFactory(handle="alice"))
        share(page, without_alt=False)
        expect(page.locator("#composer-notices")).to_have_text("Add a photo first.")
        choose(page, three())
        page.get_by_label("Alt text of photo 1").fill("Two boats")
        share(page, without_alt=False)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("2 of 3 photos have no alt text.")
        assert faults(page) == []
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        share(page, without_alt=False)
        page.get_by_role("button", name="Add alt texts").click()
        expect(page.get_by_label("Alt text of photo 2")).to_be_focused()
        share(page)
        expect(page).to_have_url(re.compile("/p/"))

    def test_refused_caption_can_be_corrected(self, site):
        word = "forbiddenword"
        BlockedTerm.objects.create(kind="word", text=word, comparable=word, effect="refuse", reason="x")
        site.expected = ["422"]
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, [photo("a.jpg")])
        page.get_by_label("Caption").fill(word)
        share(page)
        expect(page.locator("#composer-caption-error")).to_contain_text("may not be written here")
        page.get_by_label("Caption").fill("Better")
        share(page)
        expect(page).to_have_url(re.compile("/p/"))
        assert Post.objects.get().caption == "Better"

    def test_leaving_asks_once_and_keeps_the_draft(self, site):
        """(34) By a link of the page, and by closing it."""
        page = open_composer(site, UserFactory(handle="alice"))
        asked: list[str] = []
        page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
        choose(page, [photo("a.jpg")])
        page.get_by_label("Caption").fill("Not yet")
        page.get_by_role("link", name="Explore").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Leave without sharing?")
        assert faults(page) == []
        for stay in (
            dialog.get_by_role("button", name="Stay").click,
            lambda: page.keyboard.press("Escape"),
            lambda: page.evaluate("() => history.back()"),
        ):
            stay()
            expect(dialog).to_be_hidden()
            expect(page).to_have_url(re.compile("/new"))
            expect(page.get_by_role("link", name="Explore")).to_be_focused()
            expect(page.get_by_label("Caption")).to_have_value("Not yet")
            page.get_by_role("link", name="Explore").click()
            expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Leave").click()
        expect(page).to_have_url(re.compile("/explore"))
        assert asked == []
        page.get_by_role("link", name="New post").click()
        expect(page.get_by_label("Caption")).to_have_value("Not yet")
        expect(page.locator(".composer-preview img")).to_have_count(1)
        page.get_by_label("Caption").press("End")
        page.reload()
        expect(page.get_by_label("Caption")).to_have_value("Not yet")
        assert asked == ["beforeunload"]
        page.get_by_role("button", name="Discard", exact=True).click()
        page.get_by_role("dialog").get_by_role("button", name="Discard").click()
        expect(page.locator(".composer-photo")).to_have_count(0)
        page.reload()
        expect(page.locator("#composer[data-started=true]")).to_be_visible()
        expect(page.get_by_label("Caption")).to_have_value("")
        assert asked == ["beforeunload"]

    def test_post_in_processing_is_published_without_reload(self, site, deliver):
        """(35)"""
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, three())
        expect_uploaded(page, 3)
        share(page)
        expect(page.get_by_text("The photos are being processed.")).to_be_visible()
        assert faults(page) == []
        page.evaluate("() => (window.same = true)")
        deliver()
        expect(page.get_by_text("The photos are being processed.")).to_be_hidden(timeout=60_000)
        assert page.evaluate("() => window.same")
        first = page.locator(".slide img").first
        expect(first).to_be_visible()
        assert first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert Post.objects.get().status == "published"

    def test_failed_post_says_which_photo_and_why(self, site, deliver):
        """(35) The second file is damaged where the browser does not look."""
        damaged = photo("b.jpg")
        whole = damaged["buffer"]
        damaged["buffer"] = whole[:-200] + bytes(20)
        page = open_composer(site, UserFactory(handle="alice"))
        page.route(
            "**/web/uploads/*", lambda route: route.abort() if route.request.method == "GET" else route.continue_()
        )
        site.expected = ["ERR_FAILED"]
        choose(page, [photo("a.jpg"), damaged])
        expect_uploaded(page, 2)
        share(page)
        expect(page.get_by_text("The photos are being processed.")).to_be_visible()
        deliver()
        expect(page.get_by_text("This post could not be published.")).to_be_visible(timeout=60_000)
        expect(page.get_by_text("Photo 2: The file is damaged or is not a picture.")).to_be_visible()

    def test_composer_says_that_an_uploaded_photo_has_failed(self, site, deliver):
        """(35) Before the post is shared."""
        damaged = photo("b.jpg")
        damaged["buffer"] = damaged["buffer"][:-200] + bytes(20)
        page = open_composer(site, UserFactory(handle="alice"))
        choose(page, [photo("a.jpg"), damaged])
        expect_uploaded(page, 2)
        deliver()
        expect(states(page).nth(1)).to_contain_text("The file is damaged", timeout=60_000)
        expect(states(page).nth(0)).to_contain_text("Ready")


class TestAvatar:
    def test_crop_by_drag_pinch_slider_and_keys(self, site, deliver):
        """(33) The avatar is the chosen section."""
        alice = UserFactory(handle="alice")
        file = io.BytesIO()
        quarters(1200, 800).save(file, "PNG")
        page = site.open(alice, touch=True, storage=True)
        page.goto("/settings/profile/avatar")
        assert faults(page) == []
        page.get_by_label("Choose a picture").set_input_files(
            [{"name": "me.png", "mimeType": "image/png", "buffer": file.getvalue()}]
        )
        canvas, zoom = page.locator("#crop-canvas"), page.get_by_label("Zoom")
        expect(canvas).to_be_focused()
        assert faults(page) == []

        def colour() -> list[int]:
            return canvas.evaluate("c => [...c.getContext('2d').getImageData(320, 320, 1, 1).data].slice(0, 3)")

        zoom.fill("2")
        canvas.focus()
        for key, times in (("ArrowLeft", 30), ("ArrowUp", 30)):
            for _ in range(times):
                page.keyboard.press(key)
        assert colour() == [230, 20, 20]
        page.keyboard.press("+")
        assert float(zoom.input_value()) == pytest.approx(2.2)
        page.keyboard.press("-")
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] - box["width"] / 2, middle[1], steps=4)
        page.mouse.move(middle[0] - box["width"], middle[1], steps=4)
        page.mouse.up()
        assert colour() == [20, 180, 20]
        # Two fingers move apart.
        touch = page.context.new_cdp_session(page)
        for kind, gap in (("touchStart", 20), ("touchMove", 30), ("touchMove", 40), ("touchEnd", 0)):
            points = [{"x": middle[0] + side * gap, "y": middle[1], "id": side + 1} for side in (-1, 1)] if gap else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert float(zoom.input_value()) > 3
        zoom.fill("1")
        for _ in range(40):
            canvas.press("ArrowLeft")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#crop-status")).to_have_text("Processing")
        deliver()
        expect(page.get_by_text("Your profile picture has changed.")).to_be_visible(timeout=60_000)
        deliver()
        alice.refresh_from_db()
        avatar = alice.avatar
        assert (avatar.width, avatar.height, avatar.status) == (800, 800, "ready")
        page.reload()
        shown = page.locator("#crop-now img")
        assert shown.evaluate("image => image.decode().then(() => image.naturalWidth)") == 320

    def test_file_that_is_no_picture_is_refused_by_name(self, site):
        """(30) For avatars."""
        page = site.open(UserFactory(handle="alice"), storage=True)
        page.goto("/settings/profile/avatar")
        page.get_by_label("Choose a picture").set_input_files(
            [{"name": "notes.jpg", "mimeType": "image/jpeg", "buffer": b"only text"}]
        )
        expect(page.locator("#crop-error")).to_contain_text("notes.jpg is not a picture")
        assert not Media.objects.exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, {"width": 320, "height": 640}], ids=["desktop", "phone", "320"])
def test_pages_are_accessible_and_fit(site, deliver, scheme, size):
    """No serious fault of axe, and no scrolling sideways: composer, upload, form, avatar."""
    page = open_composer(site, UserFactory(handle="alice"), size=size, scheme=scheme)
    _look_at(page)
    choose(page, three())
    expect_uploaded(page, 3)
    page.get_by_label("Alt text of photo 1").fill("Two boats on the mud at low tide")
    deliver()
    _look_at(page)
    held = Hold(page)
    choose(page, [photo("d.jpg", "navy")])
    held.wait_for(1)
    share(page)
    expect(page.get_by_role("heading", name="Uploading 4 of 4")).to_be_visible()
    _look_at(page)
    held.release()
    expect(page).to_have_url(re.compile("/p/"))
    _look_at(page)
    deliver()
    page.goto(f"{page.url}/edit")
    expect(page.locator(".composer-preview img").last).to_be_visible()
    _look_at(page)
    page.goto("/settings/profile/avatar")
    page.get_by_label("Choose a picture").set_input_files([photo("me.jpg", size=(800, 600))])
    expect(page.locator("#crop-canvas")).to_be_focused()
    _look_at(page)


def _look_at(page: Page) -> None:
    assert faults(page) == []
    assert page.locator("h1").count() == 1
    assert page.evaluate("() => document.documentElement.scrollWidth - innerWidth") <= 0
