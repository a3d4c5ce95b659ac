"""The composer, the form that edits a post, the state of a post, and the avatar, without JavaScript."""

import pytest
from django.conf import settings

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.media.models import Media
from apps.safety.models import BlockedTerm
from tests.factories import MediaFactory, PostFactory
from tests.web.conftest import Browser

pytestmark = pytest.mark.django_db
XSS = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'


def photos_of(post: Post) -> list[Media]:
    return [item.medium for item in PostMedia.objects.filter(post=post).order_by("position")]


def edit(browser: Browser, post: Post, **fields: object):
    return browser.post(f"/p/{post.pk}/edit", {"visibility": "public", "comments_enabled": "on", **fields})


class TestNew:
    def test_visitor_is_sent_to_sign_in(self):
        response = Browser().get("/new")
        assert (response.status_code, response.url) == (302, "/login?next=%2Fnew")

    def test_page_explains_itself_without_javascript_and_has_the_limits(self, alice, api):
        page = Browser(alice).get("/new").content.decode()
        assert "To share photos, turn on JavaScript" in page
        uploads = api(None).get("/instance").json()["uploads"]
        assert f'data-max-bytes="{uploads["max_bytes"]}"' in page
        assert f'data-max-pixels="{uploads["max_pixels"]}"' in page
        assert f'data-types="{",".join(uploads["content_types"])}"' in page
        assert 'data-max-photos="10"' in page

    def test_policy_allows_the_storage(self, alice):
        policy = Browser(alice).get("/new").headers["Content-Security-Policy"]
        assert f"connect-src 'self' {settings.S3_PUBLIC_ENDPOINT_URL};" in policy


class TestEdit:
    def test_author_changes_everything(self, alice):
        post = PostFactory(author=alice, photos=2, caption="Old")
        first, second = photos_of(post)
        response = edit(
            Browser(alice),
            post,
            caption="Low tide\r\nat #husum",
            visibility="followers",
            sensitive="on",
            comments_enabled="",
            **{f"alt_texts.{first.pk}": "Two boats", f"alt_texts.{second.pk}": ""},
        )
        assert (response.status_code, response.url) == (302, f"/p/{post.pk}")
        post.refresh_from_db()
        assert (post.caption, post.visibility, post.sensitive) == ("Low tide\nat #husum", "followers", True)
        assert [photo.alt_text for photo in photos_of(post)] == ["Two boats", ""]

    def test_unchecked_boxes_are_false(self, alice):
        post = PostFactory(author=alice, sensitive=True)
        Browser(alice).post(f"/p/{post.pk}/edit", {"caption": "x", "visibility": "public"})
        post.refresh_from_db()
        assert (post.sensitive, post.comments_enabled) == (False, False)

    def test_form_shows_the_present_values(self, alice):
        post = PostFactory(author=alice, caption="Low tide", visibility="followers", sensitive=True)
        [photo] = photos_of(post)
        Media.objects.filter(pk=photo.pk).update(alt_text="Two boats")
        page = Browser(alice).get(f"/p/{post.pk}/edit").content.decode()
        assert "Low tide</textarea>" in page
        assert "Two boats</textarea>" in page
        assert 'value="followers" checked' in page
        assert 'name="sensitive" checked' in page

    def test_texts_are_escaped(self, alice):
        post = PostFactory(author=alice)
        [photo] = photos_of(post)
        assert edit(Browser(alice), post, caption=XSS, **{f"alt_texts.{photo.pk}": XSS}).status_code == 302
        for path in (f"/p/{post.pk}/edit", f"/p/{post.pk}"):
            page = Browser(alice).get(path).content.decode()
            assert "<script>alert" not in page
            assert "<img src=x" not in page

    @pytest.mark.parametrize(
        ("fields", "status", "message"),
        [
            ({"caption": "x" * 2201}, 400, "At most 2200 characters."),
            ({"caption": "forbiddenword"}, 422, "may not be written here"),
            ({"caption": "x", "visibility": "nobody"}, 400, "not a valid choice"),
            ({"caption": "x", "alt_texts.x": "y"}, 400, "Not a medium of this post."),
        ],
    )
    def test_refusal_keeps_what_was_typed(self, alice, fields, status, message):
        word = "forbiddenword"
        BlockedTerm.objects.create(kind="word", text=word, comparable=word, effect="refuse", reason="x")
        post = PostFactory(author=alice, caption="Old")
        response = edit(Browser(alice), post, **fields)
        assert response.status_code == status
        page = response.content.decode()
        assert message in page
        assert f"{fields['caption']}</textarea>" in page
        post.refresh_from_db()
        assert post.caption == "Old"

    def test_refused_alt_text_is_shown_at_its_photo(self, alice):
        post = PostFactory(author=alice, photos=2)
        _, second = photos_of(post)
        response = edit(Browser(alice), post, **{f"alt_texts.{second.pk}": "x" * 1501})
        assert response.status_code == 400
        assert 'id="alt-2-error">At most 1500 characters.' in response.content.decode()

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_only_the_author_may_edit(self, method, alice, bob, carol, mallory):
        post = PostFactory(author=alice)
        hidden = PostFactory(author=alice, followers_only=True)
        statuses = [
            getattr(Browser(user), method)(f"/p/{shown.pk}/edit").status_code
            for user, shown in ((bob, post), (carol, hidden), (mallory, post), (None, post))
        ]
        assert statuses == [403, 404, 404, 302]


class TestState:
    def test_processing_post_asks_again(self, alice):
        post = PostFactory(author=alice, status="processing", photos=2)
        Media.objects.filter(pk=photos_of(post)[0].pk).update(status="processing")
        for path in (f"/p/{post.pk}", f"/p/{post.pk}/state"):
            page = Browser(alice).get(path).content.decode()
            assert f'hx-get="/p/{post.pk}/state"' in page
            assert 'value="75"' in page

    def test_failed_post_names_the_photo_and_the_reason(self, alice):
        post = PostFactory(author=alice, status="failed", photos=2)
        failed = photos_of(post)[1]
        Media.objects.filter(pk=failed.pk).update(
            status="failed", error_code="image_corrupt", error_detail="The file is damaged or is not a picture."
        )
        page = Browser(alice).get(f"/p/{post.pk}").content.decode()
        assert "Photo 2: The file is damaged or is not a picture." in page
        User.objects.filter(pk=alice.pk).update(locale="de")
        page = Browser(alice).get(f"/p/{post.pk}").content.decode()
        assert "Foto 2: Die Datei ist beschädigt oder kein Bild." in page

    def test_published_post_has_no_state_and_replaces_it(self, alice, carol):
        post = PostFactory(author=alice)
        assert "post-state" not in Browser(carol).get(f"/p/{post.pk}").content.decode()
        assert f'hx-get="/p/{post.pk}"' in Browser(alice).get(f"/p/{post.pk}/state").content.decode()

    def test_processing_post_of_another_member_is_not_found(self, alice, bob):
        post = PostFactory(author=alice, status="processing")
        assert Browser(bob).get(f"/p/{post.pk}/state").status_code == 404


class TestAvatar:
    def test_upload_becomes_the_avatar_and_is_removed_again(self, alice):
        medium = MediaFactory(owner=alice, purpose="avatar")
        browser = Browser(alice)
        assert browser.post("/settings/profile/avatar", {"avatar_media_id": medium.pk}).status_code == 302
        alice.refresh_from_db()
        assert alice.avatar_id == medium.pk
        assert "Your profile picture has changed." in browser.get("/settings/profile/avatar").content.decode()
        browser.post("/settings/profile/avatar", {"avatar_media_id": ""})
        alice.refresh_from_db()
        assert alice.avatar_id is None

    @pytest.mark.parametrize("owner", ["bob", "nobody"])
    def test_foreign_upload_is_refused(self, owner, alice, bob):
        pk = MediaFactory(owner=bob).pk if owner == "bob" else "x"
        response = Browser(alice).post("/settings/profile/avatar", {"avatar_media_id": pk})
        assert response.status_code == 400
        assert 'class="note error"' in response.content.decode()

    def test_visitor_is_sent_to_sign_in(self):
        assert Browser().get("/settings/profile/avatar").status_code == 302


class TestScripts:
    body = {"content_type": "image/jpeg", "bytes": 1000}

    def test_page_of_another_member_may_not_write(self, alice, bob):
        """A page that alice has left open acts for nobody after bob has signed in."""
        for member, status in ((alice.pk, 201), (bob.pk, 401), ("x", 401)):
            response = Browser(alice).post(
                "/web/uploads", self.body, content_type="application/json", headers={"X-Member": str(member)}
            )
            assert response.status_code == status
        assert Browser().get(f"/web/posts/{alice.pk}", headers={"X-Member": str(alice.pk)}).status_code == 401

    def test_browser_may_set_all_headers_of_the_upload(self, alice):
        upload = Browser(alice).post("/web/uploads", self.body, content_type="application/json").json()["upload"]
        assert upload["headers"] == {"Content-Type": "image/jpeg"}

    def test_failed_upload_says_why(self, alice):
        medium = MediaFactory(owner=alice, status="failed", error_code="image_corrupt", error_detail="Damaged.")
        status = Browser(alice).get(f"/web/uploads/{medium.pk}", headers={"Accept": "application/json"}).json()
        assert (status["status"], status["error"]) == ("failed", {"code": "image_corrupt", "detail": "Damaged."})

    def test_upload_that_is_in_no_post_can_be_deleted(self, alice, bob):
        medium = MediaFactory(owner=alice)
        assert Browser(bob).delete(f"/web/media/{medium.pk}").status_code == 404
        assert Browser(alice).delete(f"/web/media/{medium.pk}").status_code == 204
