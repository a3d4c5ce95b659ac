"""Uploading, from the promise to the picture, against real storage."""

import hashlib
import io
from datetime import timedelta

import pytest
import requests
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.utils import timezone
from PIL import Image

from apps.accounts import services as accounts
from apps.content import services as content
from apps.media import pipeline, services, storage, sweeps, urls
from apps.media.models import DoomedObject, Media
from tests.conftest import Caller
from tests.factories import make_media, make_post, make_user
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


def jpeg(colour="teal", size=(600, 400)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def begin(caller, data, **fields):
    return caller.post("/media/upload", {"content_type": "image/jpeg", "bytes": len(data)} | fields)


def put(upload, data, **headers):
    target = upload["upload"]
    return requests.put(target["url"], data=data, headers=target["headers"] | headers, timeout=10)


def uploaded(caller, data=None, **fields):
    """A completed upload; the worker has not seen it yet."""
    data = data or jpeg()
    upload = begin(caller, data, **fields).json()
    assert put(upload, data).status_code == 200
    assert caller.post(f"/media/upload/{upload['id']}/complete").status_code == 202
    return Media.objects.get(pk=upload["id"])


def ready(caller, deliver, **fields):
    medium = uploaded(caller, **fields)
    deliver()
    medium.refresh_from_db()
    assert medium.status == "ready"
    return medium


def fetch(url):
    return requests.get(url, timeout=10).status_code


def variant_urls(card):
    return [variant["url"] for variant in card["variants"]]


class TestBeginning:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"content_type": "image/svg+xml"}, "unsupported_media_type"),
            ({"content_type": "text/html"}, "unsupported_media_type"),
            ({"bytes": 30_000_001}, "file_too_large"),
            ({"bytes": 0}, "validation_error"),
            ({"bytes": 2**70}, "validation_error"),
            ({"bytes": "12"}, "validation_error"),
            ({"sha256": "x"}, "validation_error"),
            ({"purpose": "other"}, "validation_error"),
            ({"owner": "x"}, "validation_error"),
            ({"alt_text": "x" * 1501}, "validation_error"),
        ],
        ids=str,
    )
    def test_what_is_refused(self, api, alice, fields, code):
        answer = begin(api(alice), b"x", **fields)
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    def test_m7_open_uploads_are_bounded_in_number_and_bytes(self, api, alice, settings):
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 2
        assert [begin(api(alice), b"x").status_code for _ in range(3)] == [201, 201, 409]
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 100
        settings.MEDIA_PENDING_BYTES_PER_USER = 1000
        assert begin(api(alice), b"x" * 999).json()["code"] == "upload_quota_exceeded"

    def test_r4_the_same_key_promises_one_upload(self, api, alice):
        answers = [begin(api(alice), b"x") for _ in range(1)]
        body, key = {"content_type": "image/jpeg", "bytes": 9}, {"HTTP_IDEMPOTENCY_KEY": "k"}
        first, again = (api(alice).post("/media/upload", body, **key).json() for _ in range(2))
        assert first == again
        assert Media.objects.count() == 1 + len(answers)

    def test_p11_keys_have_nothing_to_do_with_the_id(self, api, alice):
        upload = begin(api(alice), b"x").json()
        medium = Media.objects.get()
        assert upload["id"] not in upload["upload"]["url"]
        assert len(medium.original_key.removeprefix("originals/")) >= 32


class TestM5TheStoreRefuses:
    def test_m5_another_size_type_key_method_or_hash(self, api, alice):
        data = jpeg()
        upload = begin(api(alice), data, sha256=hashlib.sha256(data).hexdigest()).json()
        url, headers = upload["upload"]["url"], upload["upload"]["headers"]
        assert put(upload, data + b"x", **{"Content-Length": str(len(data) + 1)}).status_code == 403
        assert put(upload, data, **{"Content-Type": "text/html"}).status_code == 403
        assert put(upload, jpeg("red")).status_code == 400 or len(jpeg("red")) != len(data)
        assert (
            requests.put(url.replace("/originals/", "/originals/x"), data=data, headers=headers, timeout=5).status_code
            == 403
        )
        assert requests.get(url, timeout=5).status_code == 403
        assert requests.delete(url, timeout=5).status_code == 403
        assert put(upload, data).status_code == 200

    def test_m5_a_put_after_expiry(self, api, alice, settings):
        settings.MEDIA_UPLOAD_LIFETIME = timedelta(seconds=1)
        upload = begin(api(alice), jpeg()).json()
        import time

        time.sleep(2.1)
        assert put(upload, jpeg()).status_code == 403

    def test_m5_originals_and_private_variants_are_unreadable_without_a_signature(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        base = f"{settings.S3_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}"
        assert fetch(f"{base}/{medium.original_key}") == 403
        assert fetch(f"{base}/{urls.private_key(medium, medium.variants[0])}") == 403
        assert fetch(base) == fetch(f"{settings.S3_ENDPOINT_URL}/{settings.S3_PUBLIC_BUCKET}") == 403


class TestCompleting:
    def test_nothing_there_yet(self, api, alice):
        upload = begin(api(alice), b"x").json()
        answer = api(alice).post(f"/media/upload/{upload['id']}/complete")
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_missing")

    def test_m6_what_is_not_as_declared(self, api, alice):
        upload = begin(api(alice), jpeg()).json()
        key = Media.objects.get().original_key
        storage._call("put_object", Bucket="photogram-private", Key=key, Body=b"other", ContentType="image/jpeg")
        answer = api(alice).post(f"/media/upload/{upload['id']}/complete")
        assert (answer.status_code, answer.json()["code"]) == (422, "upload_mismatch")

    def test_m6_twice_is_once_and_rings_once(self, api, alice, deliver):
        medium = uploaded(api(alice))
        assert api(alice).post(f"/media/upload/{medium.pk}/complete").status_code == 202
        assert deliver().count("apps.media.tasks.process_upload") == 1

    def test_m6_what_is_put_later_changes_nothing(self, api, alice, deliver):
        data = jpeg("teal")
        upload = begin(api(alice), data).json()
        put(upload, data)
        api(alice).post(f"/media/upload/{upload['id']}/complete")
        key = Media.objects.get().original_key
        swapped = jpeg("red")
        storage._call("put_object", Bucket="photogram-private", Key=key, Body=swapped, ContentType="image/jpeg")
        deliver()
        medium = Media.objects.get()
        assert (medium.status, medium.error_code) == ("failed", "image_corrupt")

    def test_p3_anothers_upload_does_not_exist(self, api, alice, carol):
        medium = uploaded(api(alice))
        for method, path in (
            ("post", f"/media/upload/{medium.pk}/complete"),
            ("get", f"/media/upload/{medium.pk}/status"),
            ("get", f"/media/{medium.pk}"),
            ("delete", f"/media/{medium.pk}"),
        ):
            assert getattr(api(carol), method)(path).status_code == 404


class TestProcessing:
    def test_makes_six_variants_that_open(self, api, alice, deliver):
        medium = ready(api(alice), deliver, alt_text="Two boats")
        card = api(alice).get(f"/media/{medium.pk}").json()
        assert [(v["name"], v["content_type"]) for v in card["variants"]] == [
            (name, kind) for name in ("thumb", "medium", "large") for kind in ("image/webp", "image/jpeg")
        ]
        assert (card["width"], card["height"], card["alt_text"]) == (600, 400, "Two boats")
        assert max(v["width"] for v in card["variants"]) <= 600
        for variant in card["variants"]:
            answer = requests.get(variant["url"], timeout=10)
            assert answer.headers["Content-Type"] == variant["content_type"]
            assert len(answer.content) == variant["bytes"]
            assert Image.open(io.BytesIO(answer.content)).size == (variant["width"], variant["height"])

    def test_status_tells_how_far(self, api, alice, deliver):
        medium = uploaded(api(alice))
        before = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        deliver()
        after = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        assert (before["status"], after["status"]) == ("uploaded", "ready")
        assert (before["progress"], after["progress"]) == (25, 100)

    def test_m3_damage_fails_with_a_code(self, api, alice, deliver):
        medium = uploaded(api(alice), data=jpeg()[:300])
        deliver()
        shown = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        assert shown["status"] == "failed"
        assert shown["error"]["code"] == "image_corrupt"

    def test_m2_another_type_than_declared(self, api, alice, deliver):
        medium = uploaded(api(alice), data=b"<html><script>alert(1)</script></html>")
        deliver()
        medium.refresh_from_db()
        assert medium.error_code == "image_unsupported"

    def test_avatars_are_square_and_public(self, api, alice, deliver, anonymous):
        medium = ready(api(alice), deliver, purpose="avatar")
        answer = api(alice).patch("/users/me", {"avatar_media_id": str(medium.pk)})
        assert answer.status_code == 200
        deliver()
        avatar = anonymous.get("/users/@alice").json()["avatar"]
        assert "X-Amz" not in avatar["thumb"]
        picture = Image.open(io.BytesIO(requests.get(avatar["medium"], timeout=10).content))
        assert picture.width == picture.height == 400
        assert api(alice).delete(f"/media/{medium.pk}").json()["code"] == "media_in_use"
        assert api(alice).patch("/users/me", {"avatar_media_id": None}).json()["avatar"] is None
        deliver()
        assert fetch(avatar["thumb"]) == 404

    def test_p3_anothers_avatar_medium_is_refused_like_a_random_one(self, api, alice, carol, deliver):
        medium = ready(api(alice), deliver)
        foreign = api(carol).patch("/users/me", {"avatar_media_id": str(medium.pk)})
        random = api(carol).patch("/users/me", {"avatar_media_id": str(alice.pk)})
        assert foreign.status_code == 400
        assert {**foreign.json(), "request_id": ""} == {**random.json(), "request_id": ""}

    @pytest.mark.django_db(transaction=True)
    def test_m6_four_workers_at_one_upload_make_it_once(self, monkeypatch):
        medium = uploaded(Caller(make_user("alice")))
        rendered = []
        render = pipeline.sandbox.render_safely
        monkeypatch.setattr(pipeline.sandbox, "render_safely", lambda *a, **k: rendered.append(1) or render(*a, **k))
        in_threads(4, lambda: pipeline.process(medium.pk))
        assert len(rendered) == 1
        medium.refresh_from_db()
        assert medium.status == "ready"

    def test_c2_the_lease_of_a_dead_worker_is_found_again(self, api, alice, deliver):
        medium = uploaded(api(alice))
        deliver_nothing = Media.objects.filter(pk=medium.pk)
        deliver_nothing.update(status="processing", attempts=1, leased_until=timezone.now() - timedelta(seconds=1))
        assert sweeps.ring_again() >= 1
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.attempts) == ("ready", 2)

    def test_c6_given_up_after_five_tries(self, api, alice, deliver, settings):
        medium = uploaded(api(alice))
        Media.objects.filter(pk=medium.pk).update(attempts=settings.MEDIA_MAX_ATTEMPTS)
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("failed", "processing_timeout")


class TestC9StorageAway:
    @pytest.fixture
    def away(self, settings):
        settings.S3_ENDPOINT_URL = "http://127.0.0.1:1"

    def test_c9_only_uploads_say_so(self, api, alice, bob, request):
        upload = begin(api(alice), jpeg()).json()
        put(upload, jpeg())
        post = make_post(alice)
        request.getfixturevalue("away")
        answer = api(alice).post(f"/media/upload/{upload['id']}/complete")
        assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
        assert answer.headers["Retry-After"]
        assert api(bob).get("/feed").status_code == 200
        assert api(bob).get(f"/posts/{post.pk}").status_code == 200
        assert api(alice).delete(f"/posts/{post.pk}").status_code == 204

    def test_c9_an_upload_in_flight_resumes(self, api, alice, settings):
        medium = uploaded(api(alice))
        settings.S3_ENDPOINT_URL, there = "http://127.0.0.1:1", settings.S3_ENDPOINT_URL
        with pytest.raises(storage.StorageError):
            pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert (medium.status, medium.leased_until) == ("uploaded", None)
        settings.S3_ENDPOINT_URL = there
        pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert medium.status == "ready"

    def test_p10_deletes_are_remembered(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        url = variant_urls(api(alice).get(f"/media/{medium.pk}").json())[0]
        settings.S3_ENDPOINT_URL, there = "http://127.0.0.1:1", settings.S3_ENDPOINT_URL
        assert api(alice).delete(f"/media/{medium.pk}").status_code == 204
        assert sweeps.delete_doomed_objects() == 0
        settings.S3_ENDPOINT_URL = there
        assert fetch(url) == 200
        DoomedObject.objects.update(due_at=timezone.now())
        assert sweeps.delete_doomed_objects() == 7
        assert fetch(url) == 404
        assert storage.head(medium.original_key) is None


class TestWhoMayFetch:
    @pytest.fixture
    def post(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        post = content.create_post(author_id=alice.pk, media_ids=[medium.pk])
        deliver()
        return post

    def urls(self, caller, post):
        return variant_urls(caller.get(f"/posts/{post.pk}").json()["media"][0])

    def test_what_everybody_may_see_has_permanent_immutable_urls(self, anonymous, post, settings):
        for url in self.urls(anonymous, post):
            assert url.startswith(settings.MEDIA_CDN_URL)
            assert "?" not in url
            assert "immutable" in requests.get(url, timeout=10).headers["Cache-Control"]

    NARROWINGS = {
        "edited": lambda api, alice, post: api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"}),
        "account private": lambda api, alice, post: api(alice).patch("/users/me", {"is_private": True}),
        "taken down": lambda api, alice, post: content.take_down(post),
        "deleted": lambda api, alice, post: api(alice).delete(f"/posts/{post.pk}"),
        "suspended": lambda api, alice, post: accounts.suspend(alice, reason="spam"),
        "left": lambda api, alice, post: accounts.leave(alice, password="correct horse battery staple"),
    }

    @pytest.mark.parametrize("narrowing", list(NARROWINGS))
    def test_p10_old_public_urls_die_when_sight_narrows(self, api, alice, anonymous, post, deliver, narrowing):
        old = self.urls(anonymous, post)
        assert {fetch(url) for url in old} == {200}
        self.NARROWINGS[narrowing](api, alice, post)
        deliver()
        assert {fetch(url) for url in old} == {404}

    def test_p11_a_followers_only_photo_has_signed_urls_that_expire(self, api, alice, bob, post, deliver, settings):
        api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
        deliver()
        for url in self.urls(api(bob), post):
            assert "X-Amz-Signature" in url
            assert fetch(url) == 200
        expired = urls.signed_url(
            urls.private_key(post.media.get(), post.media.get().variants[0]), at=timezone.now() - timedelta(hours=2)
        )
        assert fetch(expired) == 403

    def test_widening_again_makes_new_urls(self, api, alice, anonymous, post, deliver):
        old = self.urls(anonymous, post)
        for visibility in ("followers", "public"):
            api(alice).patch(f"/posts/{post.pk}", {"visibility": visibility})
            deliver()
        new = self.urls(anonymous, post)
        assert not set(old) & set(new)
        assert {fetch(url) for url in new} == {200}

    def test_concealed_while_being_copied_nothing_stays_public(self, api, alice, post, deliver, monkeypatch, settings):
        medium = post.media.get()
        services.conceal([medium.pk])
        services.expose([medium.pk])
        publish = storage.publish

        def publish_and_conceal(*args, **kwargs):
            publish(*args, **kwargs)
            services.conceal([medium.pk])

        monkeypatch.setattr(storage, "publish", publish_and_conceal)
        pipeline.publish_variants(medium.pk)
        monkeypatch.undo()
        deliver()
        sweeps.delete_doomed_objects()
        medium.refresh_from_db()
        assert medium.public_secret == ""


class TestSigning:
    def test_equals_botocores_for_the_same_instant(self, settings, monkeypatch):
        moment = timezone.now().replace(microsecond=0)
        url = urls.signed_url("variants/a b/thumb.webp", at=moment)
        plain = f"{settings.S3_PUBLIC_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}/variants/a%20b/thumb.webp"
        request = AWSRequest(method="GET", url=plain)
        signer = S3SigV4QueryAuth(
            Credentials(settings.S3_ACCESS_KEY_ID, settings.S3_SECRET_ACCESS_KEY),
            "s3",
            settings.S3_REGION,
            expires=int(settings.MEDIA_URL_LIFETIME.total_seconds()),
        )
        monkeypatch.setattr("botocore.auth.get_current_datetime", lambda *a, **k: moment)
        signer.add_auth(request)
        assert dict(p.split("=", 1) for p in request.url.split("?")[1].split("&")) == dict(
            p.split("=", 1) for p in url.split("?")[1].split("&")
        )

    def test_is_the_same_for_all_who_ask_within_half_the_lifetime(self, alice):
        medium = make_media(alice)
        variant = medium.variants[0]
        assert urls.variant_url(medium, variant, public=True) == urls.variant_url(medium, variant, public=False)


class TestSweeps:
    def test_m7_abandoned_uploads_go(self, api, alice):
        begin(api(alice), b"x")
        assert sweeps.remove_abandoned_uploads() == 0
        Media.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert sweeps.remove_abandoned_uploads() == 1
        assert not Media.objects.exists()

    def test_objects_without_rows_go_and_the_others_stay(self, api, alice, deliver, monkeypatch):
        medium = ready(api(alice), deliver)
        storage._call("put_object", Bucket="photogram-private", Key="originals/orphan", Body=b"x")
        assert sweeps.remove_orphaned_objects() == 0
        monkeypatch.setattr(sweeps, "ORPHANED_AFTER", timedelta(seconds=-60))
        sweeps.remove_orphaned_objects()
        doomed = set(DoomedObject.objects.values_list("key", flat=True))
        assert "originals/orphan" in doomed
        assert medium.original_key not in doomed
        assert not [key for key in doomed if medium.private_secret in key]

    def test_variants_that_storage_lost_are_made_again(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        for variant in medium.variants:
            storage.delete("photogram-private", urls.private_key(medium, variant))
        Media.objects.update(created_at=timezone.now() - timedelta(hours=2))
        assert sweeps.reprocess_media_without_objects() == 1
        pipeline.process(medium.pk)
        card = api(alice).get(f"/media/{medium.pk}").json()
        assert {fetch(url) for url in variant_urls(card)} == {200}
