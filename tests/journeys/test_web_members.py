"""Two new people share photographs in two browsers: one on a phone by touch, one on a desktop by keyboard.

The pages come from Django's live server, photos go to the real storage, and the test runs the enqueued tasks. If
SCREENSHOTS names a folder, a picture of each step is kept there.
"""

import io
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.notifications.models import Notification
from tests.factories import PASSWORD
from tests.web.browser.conftest import DESKTOP, PHONE, chromium, site  # noqa: F401  (fixtures)

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
FOLDER = os.environ.get("SCREENSHOTS")
# Uploads and processing, with other tests on the same machine.
SLOW = 30_000
PHOTOS = {
    "tide.jpg": ("#2a7f9e", "A beach at low tide"),
    "seal.jpg": ("#8a8f98", "A grey seal on a sandbank"),
    "light.jpg": ("#e0a04c", "A lighthouse in the evening sun"),
}


def photographs(folder: Path) -> list[Path]:
    """Three JPEG files as cameras make them: with orientation and the name of the camera."""
    made = []
    for name, (colour, _) in PHOTOS.items():
        exif = Image.Exif()
        exif[0x010F] = "Camera"
        file = io.BytesIO()
        picture = Image.new("RGB", (1600, 1200), colour)
        picture.paste(Image.linear_gradient("L").resize((1600, 500)).convert("RGB"), (0, 700))
        picture.save(file, "JPEG", exif=exif)
        (folder / name).write_bytes(file.getvalue())
        made.append(folder / name)
    return made


class Person(ABC):
    """A new person with a browser of their own. Subclasses press and write as their device does."""

    def __init__(self, page: Page, handle: str, deliver: Callable[[], Any]) -> None:
        self.page = page
        self.handle = handle
        self.deliver = deliver
        self._pictures = 0

    # ── What devices do differently ──
    @abstractmethod
    def press(self, control: Locator) -> None: ...

    @abstractmethod
    def write(self, field: Locator, text: str) -> None: ...

    @abstractmethod
    def choose(self, files: list[Path]) -> None: ...

    @abstractmethod
    def find(self, other: str) -> None:
        """Find a person by search, and open their profile."""

    # ── What they do ──
    def link(self, name: str | re.Pattern[str], within: str = "body") -> Locator:
        return self.page.locator(within).get_by_role("link", name=name).and_(self.page.locator(":visible")).first

    def button(self, name: str, within: str = "body", *, exact: bool = True) -> Locator:
        found = self.page.locator(within).get_by_role("button", name=name, exact=exact)
        return found.and_(self.page.locator(":visible")).first

    def picture(self, name: str) -> None:
        if FOLDER:
            self._pictures += 1
            path = Path(FOLDER) / f"journey-{self.handle}-{self._pictures:02}-{name}.jpg"
            self.page.screenshot(path=path, type="jpeg", quality=75)

    def join(self) -> None:
        """Join from the start page, and confirm the address through the link of the mail."""
        self.page.goto("/")
        self.picture("welcome")
        self.press(self.link("Join", "main"))
        expect(self.page.get_by_role("heading", name="Join", level=1)).to_be_visible()
        self.write(self.page.get_by_label("E-mail address"), f"{self.handle}@example.org")
        self.write(self.page.get_by_label("Handle"), self.handle)
        self.write(self.page.get_by_label("Name (optional)"), self.handle.title())
        self.write(self.page.get_by_role("textbox", name="Password"), PASSWORD)
        self.picture("join")
        self.press(self.button("Join", "main"))
        expect(self.page.get_by_text("We have sent a mail to")).to_be_visible()
        self.picture("joined")
        self.deliver()
        message = next(each for each in mail.outbox if each.to == [f"{self.handle}@example.org"])
        found = re.search(r"/confirm-email\?token=\S+", str(message.body))
        assert found
        # The link of the mail opens in the same browser.
        self.page.goto(found[0])
        self.picture("confirm")
        self.press(self.button("Confirm the address"))
        expect(self.page.get_by_text("Your e-mail address is confirmed.")).to_be_visible()
        assert User.objects.get(handle=self.handle).email_verified_at

    def post_photographs(self, files: list[Path], caption: str) -> Post:
        """Three photographs with alt texts."""
        self.press(self.link("New post", "nav.navigation"))
        expect(self.page.get_by_role("heading", name="New post")).to_be_visible()
        expect(self.page.locator("#composer[data-started=true]")).to_be_visible()
        self.choose(files)
        fields = self.page.locator(".composer-photo textarea")
        expect(fields).to_have_count(3)
        for place, (_, alt_text) in enumerate(PHOTOS.values()):
            self.write(fields.nth(place), alt_text)
        self.write(self.page.get_by_label("Caption"), caption)
        done = self.page.locator('.composer-state[data-state="done"], .composer-state[data-state="ready"]')
        expect(done).to_have_count(3, timeout=SLOW)
        self.picture("composer")
        self.press(self.button("Share"))
        self.page.wait_for_url("**/p/*", timeout=SLOW)
        expect(self.page.get_by_text("The photos are being processed.")).to_be_visible()
        self.picture("processing")
        self.deliver()
        # Published without reloading.
        expect(self.page.get_by_text("The photos are being processed.")).to_be_hidden(timeout=SLOW)
        expect(self.page.locator(".carousel img")).to_have_count(3)
        expect(self.page.locator(".carousel img").first).to_have_js_property("complete", True)
        self.picture("posted")
        post: Post = Post.objects.get(author__handle=self.handle)
        texts = PostMedia.objects.filter(post=post).order_by("position").values_list("medium__alt_text", flat=True)
        assert list(texts) == [alt_text for _, alt_text in PHOTOS.values()]
        return post

    def follow(self, other: str) -> None:
        self.press(self.button("Follow", ".profile-actions", exact=False))
        expect(self.button("Following", ".profile-actions", exact=False)).to_be_visible()
        self.picture(f"follows-{other}")

    def comment(self, text: str) -> None:
        self.write(self.page.locator("#comment-text"), text)
        self.press(self.button("Post", ".comment-form"))
        expect(self.page.locator("#comment-list .comment").first).to_contain_text(text)
        expect(self.page.locator("#comment-list [aria-busy=true]")).to_have_count(0)
        self.picture("comment")

    def read_activity(self, *sentences: str) -> None:
        """Open the notifications, whose number the navigation shows."""
        self.deliver()
        self.press(self.link(re.compile("^Activity"), "nav.navigation"))
        expect(self.page.get_by_role("heading", name="Activity")).to_be_visible()
        for sentence in sentences:
            expect(self.page.locator("main")).to_contain_text(sentence)
        self.picture("activity")


class ByTouch(Person):
    def press(self, control: Locator) -> None:
        control.scroll_into_view_if_needed()
        control.tap()

    def write(self, field: Locator, text: str) -> None:
        self.press(field)
        self.page.keyboard.type(text)

    def choose(self, files: list[Path]) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.press(self.page.get_by_text("Choose photos"))
        chooser.value.set_files(files)

    def find(self, other: str) -> None:
        self.press(self.link("Search", "header"))
        self.write(self.page.get_by_role("searchbox"), other)
        self.press(self.link(re.compile(f"@{other}"), "main"))
        expect(self.page.locator(".profile h1")).to_have_text(other.title())

    def double_tap(self, photo: Locator) -> None:
        box = photo.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        for _ in range(2):
            self.page.touchscreen.tap(x, y)


class ByKeyboard(Person):
    def focus(self, control: Locator) -> None:
        """Press Tab until the control has the focus, which is always visible."""
        expect(control).to_be_attached()
        for _ in range(200):
            if control.evaluate("(element) => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not reach {control}.")

    def press(self, control: Locator) -> None:
        self.focus(control)
        self.page.keyboard.press("Enter")

    def write(self, field: Locator, text: str) -> None:
        self.focus(field)
        self.page.keyboard.type(text)

    def choose(self, files: list[Path]) -> None:
        self.focus(self.page.locator("#composer-files"))
        with self.page.expect_file_chooser() as chooser:
            self.page.keyboard.press("Enter")
        chooser.value.set_files(files)

    def find(self, other: str) -> None:
        self.page.keyboard.press("/")
        search = self.page.get_by_role("searchbox")
        expect(search).to_be_focused()
        self.page.keyboard.type(other)
        self.press(self.link(re.compile(f"@{other}"), "main"))
        expect(self.page.locator(".profile h1")).to_have_text(other.title())


@pytest.fixture
def people(site: Any, deliver: Callable[[], Any]) -> tuple[ByTouch, ByKeyboard]:  # noqa: F811
    phone = site.open(size=PHONE, touch=True, storage=True)
    desktop = site.open(size=DESKTOP, storage=True)
    return ByTouch(phone, "wanda", deliver), ByKeyboard(desktop, "karl", deliver)


def test_two_new_people_share_photographs(people: tuple[ByTouch, ByKeyboard], tmp_path: Path) -> None:
    wanda, karl = people
    files = photographs(tmp_path)
    wanda.join()
    karl.join()
    post = wanda.post_photographs(files, "Low tide at #husum")

    # Karl, by keyboard only: finds and follows wanda, likes her post with "l", and comments.
    karl.find("wanda")
    karl.follow("wanda")
    karl.press(karl.page.locator(".tile").first)
    karl.page.wait_for_url(f"**/p/{post.pk}")
    expect(karl.page.locator(".carousel img").first).to_be_visible()
    karl.focus(karl.page.locator(".carousel .track"))
    karl.page.keyboard.press("ArrowRight")
    expect(karl.page.locator(".carousel .announce")).to_have_text("Photo 2 of 3")
    with karl.page.expect_response("**/like"):
        karl.page.keyboard.press("l")
    expect(karl.button("Like", ".actions")).to_have_attribute("aria-pressed", "true")
    karl.page.keyboard.press("c")
    karl.comment("What light!")

    # Wanda, by touch only: is notified, and follows back.
    wanda.read_activity("Karl follows you.", "Karl likes your post.", "Karl has commented on your post.")
    wanda.press(wanda.link("Profile of karl", "main"))
    wanda.follow("karl")

    his = karl.post_photographs(files, "For @wanda")
    wanda.press(wanda.link("Feed", "nav.navigation"))
    photo = wanda.page.locator(f"#post-{his.pk} .photo").first
    expect(photo).to_be_visible()
    wanda.picture("feed")
    with wanda.page.expect_response("**/like"):
        wanda.double_tap(photo)
    expect(wanda.button("Like", f"#post-{his.pk} .actions")).to_have_attribute("aria-pressed", "true")
    wanda.press(wanda.link("Comments", f"#post-{his.pk}"))
    wanda.comment("Thank you, @karl!")

    karl.read_activity("Wanda follows you.", "Wanda likes your post.", "Wanda has mentioned you in a comment.")
    karl.press(karl.page.locator(".notice-link").first)
    karl.page.wait_for_url("**/p/*")
    expect(karl.page.locator("#comment-list")).to_contain_text("Thank you, @karl!")
    assert Notification.objects.filter(recipient__handle="wanda").count() >= 4
