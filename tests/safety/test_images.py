"""A banned picture is known again, however it comes back; others are not taken for it."""

import io
import re

import numpy
import pytest
from django.urls import reverse
from PIL import Image, ImageFilter

from apps.content import services as content
from apps.core.errors import DomainError
from apps.media import perceptual
from apps.media import services as media
from apps.media.models import Media
from apps.moderation import safety
from apps.moderation import services as moderation
from apps.moderation.models import Flag, StaffAct
from apps.safety import images
from apps.safety.hashes import bits
from apps.safety.models import BlockedImage
from tests.factories import MediaFactory, PostFactory
from tests.media.uploads import ready, uploaded
from tests.moderation.people import make_moderator, taken_down
from tests.safety.console import browser

pytestmark = pytest.mark.django_db


def scene(seed: int, size: tuple[int, int] = (900, 600)) -> Image.Image:
    """Soft shapes that no other seed has."""
    noise = numpy.random.default_rng(seed).integers(0, 256, (12, 18, 3), dtype=numpy.uint8)
    return Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(3))


def encoded(image: Image.Image, quality: int = 90) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def distance(one: str | None, other: str | None) -> int:
    assert one is not None
    assert other is not None
    return (int(one, 16) ^ int(other, 16)).bit_count()


AGAIN = {
    "the same": lambda image: image,
    "half as large": lambda image: image.resize((450, 300)),
    "stretched a little": lambda image: image.resize((700, 470)),
    "encoded badly": lambda image: Image.open(io.BytesIO(encoded(image, quality=30))).convert("RGB"),
    "brighter": lambda image: image.point(lambda value: min(255, value + 12)),
    "in grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored": lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "on its head and smaller": lambda image: image.transpose(Image.Transpose.ROTATE_180).resize((450, 300)),
    "on its side": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


@pytest.mark.parametrize("change", AGAIN)
@pytest.mark.parametrize("seed", range(3))
def test_changed_copy_of_an_image_matches(seed, change, settings):
    original = scene(seed)
    changed = AGAIN[change](original)
    was = perceptual.image_hashes(original)[0]
    apart = min(distance(was, look) for look in perceptual.image_hashes(changed))
    assert apart <= settings.BLOCKED_IMAGE_DISTANCE


def test_different_images_do_not_match(settings):
    hashes = [perceptual.image_hashes(scene(seed)) for seed in range(20)]
    apart = [distance(one[0], look) for n, one in enumerate(hashes) for other in hashes[:n] for look in other]
    assert min(apart) > 2 * settings.BLOCKED_IMAGE_DISTANCE


def test_plain_image_has_no_hash():
    assert perceptual.image_hashes(Image.new("RGB", (600, 400), "teal")) == []
    assert images.blocked_as([]) is None


@pytest.mark.parametrize(("flipped", "found"), [(0, True), (31, True), (32, False), (256, False)])
def test_distance_is_counted_by_the_database(flipped, found):
    image_hash = perceptual.image_hashes(scene(1))[0]
    ban = BlockedImage.objects.create(
        image_hash=f"{int(image_hash, 16) ^ ((1 << flipped) - 1):064x}",
        category="spam",
        reason="x",
        medium_id=make_id(),
    )
    assert images.blocked_as([image_hash]) == (ban.pk if found else None)
    ban.refresh_from_db()
    assert distance(ban.image_hash, image_hash) == flipped


def make_id():
    return "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d12"


@pytest.mark.parametrize("nonsense", ["", "0" * 63, "0" * 65, "Z" * 64, "A" * 64, "'; DROP TABLE"])
def test_invalid_hash_is_refused(nonsense):
    with pytest.raises(ValueError, match="64 hexadecimal"):
        bits(nonsense)


@pytest.fixture
def banned(api, alice, deliver, senior):
    """Alice's photo, taken down with its post, and its picture banned."""
    medium = ready(api(alice), deliver, data=encoded(scene(7)))
    post = content.create_post(author_id=alice.pk, media_ids=[medium.pk])
    taken_down(post, senior)
    return safety.ban_image(medium, by=senior, reason="A scam.")


class TestReuploads:
    def test_upload_of_a_banned_image_fails(self, api, carol, deliver, banned):
        again = uploaded(api(carol), data=encoded(scene(7).resize((500, 333)), quality=60))
        deliver()
        shown = api(carol).get(f"/media/upload/{again.pk}/status").json()
        assert (shown["status"], shown["error"]["code"]) == ("failed", "banned_image")
        ready(api(carol), deliver, data=encoded(scene(8)))

    def test_upload_succeeds_after_the_ban_is_lifted(self, api, carol, deliver, banned, senior):
        assert safety.lift_ban(banned, by=senior, reason="It was satire.")
        assert not safety.lift_ban(banned, by=senior, reason="It was satire.")
        ready(api(carol), deliver, data=encoded(scene(7)))

    @pytest.mark.parametrize("early", [True, False])
    def test_upload_is_flagged_if_the_setting_says_so(self, api, carol, deliver, banned, settings, early):
        settings.BLOCKED_IMAGES = "flag"
        again = uploaded(api(carol), data=encoded(scene(7)))
        if not early:
            deliver()
        post = content.create_post(author_id=carol.pk, media_ids=[again.pk])
        deliver()
        flag = Flag.objects.get(target_id=post.pk)
        assert (flag.reporter, flag.subject, flag.category, flag.status) == (None, carol, "spam", "open")
        safety.flag_banned_image(post.pk)
        assert Flag.objects.filter(target_id=post.pk).count() == 1
        moderation.resolve_flag(flag, by=make_moderator("mod2"), resolution="dismissed")

    def test_ready_photo_keeps_its_variants(self, api, deliver, banned):
        medium = Media.objects.get(pk=banned.medium_id)
        media.reprocess(medium)
        deliver()
        medium.refresh_from_db()
        assert medium.status == "ready"


class TestBanning:
    def test_ban_is_recorded_with_its_reason(self, banned, senior):
        act = StaffAct.objects.get(act="ban_image")
        assert (act.actor, act.reason, act.subject_id) == (senior, "A scam.", str(banned.pk))
        assert (banned.category, act.detail["hash"]) == ("spam", banned.image_hash)

    def test_second_ban_of_an_image_changes_nothing(self, banned, senior):
        medium = Media.objects.get(pk=banned.medium_id)
        assert safety.ban_image(medium, by=senior, reason="Again.") == banned
        assert StaffAct.objects.filter(act="ban_image").count() == 1

    @pytest.mark.parametrize(
        ("role", "reason", "down", "hashed", "code"),
        [
            ("moderator", "x", True, True, "senior_moderator_required"),
            ("senior_moderator", " ", True, True, "validation_error"),
            ("admin", "x", False, True, "not_taken_down"),
            ("admin", "x", True, False, "nothing_to_compare"),
        ],
    )
    def test_ban_is_refused(self, alice, role, reason, down, hashed, code):
        staff = make_moderator("staff", role)
        post = PostFactory(author=alice)
        medium = Media.objects.get(item__post=post)
        Media.objects.filter(pk=medium.pk).update(image_hash="a" * 64 if hashed else None)
        medium.refresh_from_db()
        if down:
            taken_down(post, staff)
        with pytest.raises(DomainError) as refused:
            safety.ban_image(medium, by=staff, reason=reason)
        assert refused.value.code == code
        assert not BlockedImage.objects.exists()
        assert not StaffAct.objects.exists()


class TestConsole:
    LIST, ADD = "admin:safety_blockedimage_changelist", "admin:safety_blockedimage_new"

    def test_image_is_banned_and_the_ban_lifted(self, alice, senior):
        post = PostFactory(author=alice)
        medium = Media.objects.get(item__post=post)
        Media.objects.filter(pk=medium.pk).update(image_hash="ab" * 32)
        taken_down(post, senior)
        client = browser(senior)
        page = client.get(reverse(self.ADD), {"medium": medium.pk})
        assert str(medium.pk) in page.content.decode()
        answer = client.post(reverse(self.ADD), {"medium": medium.pk, "reason": "<b>scam</b>"})
        assert answer.status_code == 302
        ban = BlockedImage.objects.get()
        assert "&lt;b&gt;scam" in client.get(reverse(self.LIST)).content.decode()
        lift = {"action": "lift", "_selected_action": [str(ban.pk)], "index": 0, "reason": ""}
        client.post(reverse(self.LIST), lift)
        assert BlockedImage.objects.exists()
        client.post(reverse(self.LIST), lift | {"reason": "Satire."})
        assert not BlockedImage.objects.exists()
        assert list(StaffAct.objects.order_by("id").values_list("act", flat=True)) == ["ban_image", "lift_image_ban"]

    def test_page_of_a_photo_links_to_the_ban_form(self, alice, mod, senior):
        medium = MediaFactory(owner=alice)
        page, ban = (reverse(f"admin:media_media_{name}", args=[medium.pk]) for name in ("change", "ban"))
        for person, offered in ((senior, True), (mod, False)):
            assert (ban in browser(person).get(page).content.decode()) is offered
        answer = browser(senior).get(ban)
        assert answer.headers["Location"] == f"{reverse(self.ADD)}?medium={medium.pk}"
        assert browser(mod).get(ban).status_code == 403

    @pytest.mark.parametrize(
        ("role", "down", "offered"), [("senior", 1, True), ("senior", 0, False), ("mod", 1, False)]
    )
    def test_pages_of_a_removed_post_link_to_the_ban_form(self, request, alice, senior, role, down, offered):
        post = PostFactory(author=alice)
        if down:
            taken_down(post, senior)
        ban = f"{reverse(self.ADD)}?medium={Media.objects.get(item__post=post).pk}"
        client = browser(request.getfixturevalue(role))
        for page in (
            reverse("admin:moderation_post", args=[post.pk]),
            reverse("admin:moderation_flag_case", args=["post", post.pk]),
        ):
            assert (ban in client.get(page).text) is offered

    def test_page_shows_the_banned_image(self, alice, senior):
        medium = Media.objects.get(item__post=PostFactory(author=alice))
        page = browser(senior).get(reverse(self.ADD), {"medium": medium.pk}).text
        assert re.search(r'<img src="[^"]*/medium\.webp[^"]*"', page)
        assert browser(senior).get(reverse(self.ADD), {"medium": "nonsense"}).status_code == 200

    def test_error_of_the_service_is_shown_on_the_page(self, alice, senior):
        medium = MediaFactory(owner=alice)
        answer = browser(senior).post(reverse(self.ADD), {"medium": medium.pk, "reason": "x"})
        assert answer.status_code == 400
        assert "Only a photo of a post that is taken down" in answer.content.decode()

    def test_other_users_cannot_change_bans(self, alice, mod, senior):
        post = PostFactory(author=alice)
        medium = Media.objects.get(item__post=post)
        Media.objects.filter(pk=medium.pk).update(image_hash="ab" * 32)
        taken_down(post, senior)
        ban = BlockedImage.objects.create(image_hash="cd" * 32, category="spam", reason="x", medium_id=medium.pk)
        client = browser(mod)
        assert client.get(reverse(self.LIST)).status_code == 200
        client.post(reverse(self.ADD), {"medium": medium.pk, "reason": "x"})
        lift = {"action": "lift", "_selected_action": [str(ban.pk)], "index": 0, "reason": "x"}
        client.post(reverse(self.LIST), lift)
        assert list(BlockedImage.objects.all()) == [ban]
        assert not StaffAct.objects.exists()
        assert browser(alice).get(reverse(self.LIST)).status_code == 302

    def test_number_of_queries_does_not_depend_on_rows(self, senior, django_assert_max_num_queries):
        for number in range(60):
            BlockedImage.objects.create(image_hash=f"{number:064x}", category="spam", reason="x", medium_id=make_id())
        client = browser(senior)
        with django_assert_max_num_queries(12):
            assert client.get(reverse(self.LIST)).status_code == 200
