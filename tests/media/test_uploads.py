"""Uploading, from the promise to the completed upload, and who may fetch what; against real storage."""

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
import time_machine
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from django.db import connection
from django.utils import timezone

from apps.accounts import services as accounts
from apps.content import services as content
from apps.core.api.renderers import dumps
from apps.core.models import QueuedTask
from apps.media import objects, pipeline, services, storage, sweeps, urls
from apps.media.api.serializers import Photo, render_photos
from apps.media.models import Media, PendingDeletion
from tests.conftest import Caller
from tests.factories import MediaFactory, PostFactory, UserFactory
from tests.media.uploads import begin, fetch, jpeg, put, ready, uploaded, use_storage, variant_urls, write
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


class TestBeginning:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"content_type": "image/svg+xml"}, "unsupported_media_type"),
            ({"content_type": "text/html"}, "unsupported_media_type"),
            ({"bytes": 30_000_001}, "file_too_large"),
            ({"content_type": "image/tiff"}, "unsupported_media_type"),
            ({"content_type": "image"}, "unsupported_media_type"),
            ({"content_type": "text/html; image/jpeg"}, "unsupported_media_type"),
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
    def test_an_invalid_upload_is_refused(self, api, alice, fields, code):
        answer = begin(api(alice), b"x", **fields)
        assert (answer.status_code, answer.json()["code"]) == (400, code)

    @pytest.mark.parametrize(
        "content_type", ["IMAGE/JPEG", "image/jpg", "image/pjpeg", "image/jpeg; charset=binary", " Image/Jpg ;q=1"]
    )
    def test_other_names_of_a_type_are_taken_as_that_type(self, api, alice, deliver, content_type):
        medium = uploaded(api(alice), content_type=content_type)
        assert medium.content_type == "image/jpeg"
        deliver()
        medium.refresh_from_db()
        assert medium.status == "ready"

    @pytest.mark.parametrize(
        "content_type",
        [
            *("image/png", "image/webp", "image/gif", "image/heic", "image/heif", "image/avif"),
            *("image/apng", "image/heic-sequence", "Image/HEIF-Sequence"),
        ],
    )
    def test_an_accepted_type_can_be_uploaded(self, api, alice, content_type):
        assert begin(api(alice), b"x", content_type=content_type).status_code == 201

    @pytest.mark.promise("M7")
    def test_open_uploads_are_bounded_in_number_and_bytes(self, api, alice, bob, settings):
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 2
        assert [begin(api(alice), b"x").status_code for _ in range(3)] == [201, 201, 409]
        assert begin(api(bob), b"x").status_code == 201
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 100
        settings.MEDIA_PENDING_BYTES_PER_USER = 1000
        assert begin(api(alice), b"x" * 999).json()["code"] == "upload_quota_exceeded"
        assert begin(api(alice), b"x" * 998).status_code == 201

    @pytest.mark.promise("M7")
    def test_a_completed_upload_counts_until_it_is_posted(self, api, alice, settings):
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 1
        medium = uploaded(api(alice))
        assert begin(api(alice), b"x").status_code == 409
        assert api(alice).post("/posts", {"media_ids": [str(medium.pk)]}).status_code == 201
        assert begin(api(alice), b"x").status_code == 201

    @pytest.mark.promise("M7")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_uploads_respect_the_limit(self, settings, monkeypatch):
        settings.MEDIA_PENDING_UPLOADS_PER_USER = 3
        new_secret = objects.new_secret
        monkeypatch.setattr(objects, "new_secret", lambda: time.sleep(0.1) or new_secret())
        caller = Caller(UserFactory(handle="alice"))
        header = {"HTTP_AUTHORIZATION": caller._credentials["HTTP_AUTHORIZATION"]}
        body = {"content_type": "image/jpeg", "bytes": 9}
        answers = in_threads(8, lambda: Caller().post("/media/upload", body, **header).status_code)
        assert sorted(answers) == [201] * 3 + [409] * 5

    @pytest.mark.promise("R4")
    def test_the_same_idempotency_key_starts_one_upload(self, api, alice):
        body, key = {"content_type": "image/jpeg", "bytes": 9}, {"HTTP_IDEMPOTENCY_KEY": "k"}
        first, again = (api(alice).post("/media/upload", body, **key).json() for _ in range(2))
        assert first == again
        assert Media.objects.count() == 1

    @pytest.mark.promise("P11")
    def test_keys_are_unrelated_to_the_id(self, api, alice):
        upload = begin(api(alice), b"x").json()
        medium = Media.objects.get()
        assert upload["id"] not in upload["upload"]["url"]
        assert len(medium.original_key.removeprefix("uploads/")) == 32  # 192 bits in base64

    @pytest.mark.promise("P11")
    def test_all_keys_of_a_medium_have_secrets_of_their_own(self, api, alice, deliver):
        promised = begin(api(alice), jpeg()).json()
        upload_key = Media.objects.get().original_key
        put(promised, jpeg())
        api(alice).post(f"/media/upload/{promised['id']}/complete")
        deliver()
        medium = Media.objects.get()
        services.make_public([medium.pk])
        deliver()
        medium.refresh_from_db()
        secrets = [upload_key.split("/")[1], medium.original_key.split("/")[1]]
        secrets += [medium.private_secret, medium.public_secret]
        assert len(set(secrets)) == 4
        assert {len(secret) for secret in secrets} == {32}


class TestHeaders:
    def test_upload_has_only_headers_that_a_page_may_set(self, api, alice):
        data = jpeg()
        upload = begin(api(alice), data, sha256=hashlib.sha256(data).hexdigest()).json()
        assert {name.lower() for name in upload["upload"]["headers"]} == {"content-type", "x-amz-checksum-sha256"}
        assert begin(api(alice), data).json()["upload"]["headers"] == {"Content-Type": "image/jpeg"}
        assert put(upload, data).status_code == 200


class TestM5StorageRefuses:
    @pytest.mark.promise("M5")
    def test_another_size_type_key_method_or_hash(self, api, alice):
        data = jpeg()
        other = data[:-1] + b"x"
        upload = begin(api(alice), data, sha256=hashlib.sha256(data).hexdigest()).json()
        url, headers = upload["upload"]["url"], upload["upload"]["headers"]
        assert put(upload, data + b"x", **{"Content-Length": str(len(data) + 1)}).status_code == 403
        assert put(upload, data, **{"Content-Type": "text/html"}).status_code == 403
        assert put(upload, other).status_code == 400
        hashed = base64.b64encode(hashlib.sha256(other).digest()).decode()
        assert put(upload, other, **{"x-amz-checksum-sha256": hashed}).status_code == 403
        elsewhere = url.replace("/uploads/", "/uploads/x")
        assert requests.put(elsewhere, data=data, headers=headers, timeout=5).status_code == 403
        assert requests.get(url, timeout=5).status_code == 403
        assert requests.delete(url, timeout=5).status_code == 403
        assert requests.post(url, data=data, headers=headers, timeout=5).status_code == 405
        assert put(upload, data).status_code == 200

    @pytest.mark.slow
    @pytest.mark.promise("M5")
    def test_a_put_after_expiry(self, api, alice, settings):
        settings.MEDIA_UPLOAD_LIFETIME = timedelta(seconds=1)
        upload = begin(api(alice), jpeg()).json()
        time.sleep(2.1)
        assert put(upload, jpeg()).status_code == 403

    @pytest.mark.promise("M5")
    def test_originals_and_private_variants_are_unreadable_without_a_signature(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        base = f"{settings.S3_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}"
        assert fetch(f"{base}/{medium.original_key}") == 403
        assert fetch(f"{base}/{urls.private_key(medium, medium.variants[0])}") == 403
        assert fetch(base) == fetch(f"{settings.S3_ENDPOINT_URL}/{settings.S3_PUBLIC_BUCKET}") == 403

    @pytest.mark.promise("M5")
    def test_writes_and_deletes_need_a_signature(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        services.make_public([medium.pk])
        deliver()
        medium.refresh_from_db()
        public = urls.urls_of(medium, public=True)(medium.variants[0])
        assert requests.put(public, data=b"x", timeout=5).status_code == 403
        assert requests.delete(public, timeout=5).status_code == 403
        for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
            assert requests.put(f"{settings.S3_ENDPOINT_URL}/{bucket}/x", data=b"x", timeout=5).status_code == 403

    def test_browsers_may_put(self, api, alice):
        upload = begin(api(alice), b"x").json()["upload"]
        asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
        answer = requests.options(upload["url"], headers={"Origin": "https://app.example"} | asked, timeout=5)
        assert answer.status_code == 200
        assert answer.headers["Access-Control-Allow-Origin"] in ("*", "https://app.example")
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]


class TestCompleting:
    def test_completing_before_the_upload_is_a_conflict(self, api, alice):
        upload = begin(api(alice), b"x").json()
        answer = api(alice).post(f"/media/upload/{upload['id']}/complete")
        assert (answer.status_code, answer.json()["code"]) == (409, "upload_missing")

    @pytest.mark.promise("M6")
    @pytest.mark.parametrize("fault", ["bytes", "content_type", "sha256"])
    def test_an_upload_that_differs_from_the_declaration_is_refused(self, api, alice, fault):
        upload = begin(api(alice), jpeg()).json()
        put(upload, jpeg())
        other = {"bytes": 1, "content_type": "image/png", "sha256": "0" * 64}[fault]
        Media.objects.update(**{fault: other})
        if fault == "sha256":  # of which storage keeps one where it is part of the upload
            self.put_with_hash(Media.objects.get().original_key, jpeg())
        answer = api(alice).post(f"/media/upload/{upload['id']}/complete")
        assert (answer.status_code, answer.json()["code"]) == (422, "upload_mismatch")
        assert Media.objects.get().status == "pending"

    @staticmethod
    def put_with_hash(key, data):
        url, headers = storage.presign_put(
            key, content_type="image/jpeg", length=len(data), sha256=hashlib.sha256(data).hexdigest()
        )
        assert requests.put(url, data=data, headers=headers, timeout=5).status_code == 200

    @pytest.mark.promise("M6")
    def test_completing_twice_enqueues_one_task(self, api, alice, deliver):
        medium = uploaded(api(alice))
        assert api(alice).post(f"/media/upload/{medium.pk}/complete").status_code == 202
        assert deliver().count("apps.media.tasks.process_upload") == 1

    @pytest.mark.promise("M6")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_completions_make_one_task_and_one_original(self):
        caller = Caller(UserFactory(handle="alice"))
        header = {"HTTP_AUTHORIZATION": caller._credentials["HTTP_AUTHORIZATION"]}
        upload = begin(caller, jpeg()).json()
        put(upload, jpeg())
        path = f"/media/upload/{upload['id']}/complete"
        assert in_threads(4, lambda: Caller().post(path, **header).status_code) == [202] * 4
        assert QueuedTask.objects.filter(task_name=sweeps.PROCESS).count() == 1
        scheduled = set(PendingDeletion.objects.filter(key__startswith="originals/").values_list("key", flat=True))
        assert Media.objects.get().original_key not in scheduled

    @pytest.mark.promise("M6")
    def test_a_put_after_completion_changes_nothing(self, api, alice, deliver):
        upload = begin(api(alice), jpeg("teal")).json()
        key = Media.objects.get().original_key
        put(upload, jpeg("teal"))
        api(alice).post(f"/media/upload/{upload['id']}/complete")
        write(key, jpeg("red"))
        deliver()
        medium = Media.objects.get()
        assert medium.status == "ready"
        red, green, blue = bytes.fromhex(medium.dominant_color[1:])
        assert red < green
        assert red < blue

    @pytest.mark.promise("M7")
    def test_a_put_after_completion_is_deleted_when_the_url_has_expired(self, api, alice, deliver, settings):
        upload = begin(api(alice), jpeg()).json()
        key = Media.objects.get().original_key
        put(upload, jpeg())
        api(alice).post(f"/media/upload/{upload['id']}/complete")
        deliver()
        sweeps.delete_pending_objects()
        assert storage.head(key) is None
        put(upload, jpeg())
        assert sweeps.delete_pending_objects() == 0
        [again] = PendingDeletion.objects.filter(key=key)
        assert again.due_at > timezone.now() + settings.MEDIA_UPLOAD_LIFETIME
        PendingDeletion.objects.update(due_at=timezone.now())
        assert sweeps.delete_pending_objects() == 1
        assert storage.head(key) is None

    def test_completing_a_deleted_upload_is_not_found(self, api, alice, monkeypatch):
        upload = begin(api(alice), jpeg()).json()
        put(upload, jpeg())
        copy_upload = storage.copy_upload

        def copy_and_delete(*args, **kwargs):
            services.delete_upload(Media.objects.get())
            return copy_upload(*args, **kwargs)

        monkeypatch.setattr(storage, "copy_upload", copy_and_delete)
        assert api(alice).post(f"/media/upload/{upload['id']}/complete").status_code == 404

    @pytest.mark.promise("P3")
    def test_a_foreign_upload_is_not_found(self, api, alice, carol):
        medium = uploaded(api(alice))
        for method, path in (
            ("post", f"/media/upload/{medium.pk}/complete"),
            ("get", f"/media/upload/{medium.pk}/status"),
            ("get", f"/media/{medium.pk}"),
            ("delete", f"/media/{medium.pk}"),
        ):
            assert getattr(api(carol), method)(path).status_code == 404


class TestWhoMayFetch:
    @pytest.fixture
    def post(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        post = content.create_post(author_id=alice.pk, media_ids=[medium.pk])
        deliver()
        return post

    def urls(self, caller, post):
        return variant_urls(caller.get(f"/posts/{post.pk}").json()["media"][0])

    def test_public_photos_have_permanent_immutable_urls(self, anonymous, post, settings):
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

    @pytest.mark.promise("P10")
    @pytest.mark.parametrize("narrowing", list(NARROWINGS))
    def test_public_urls_end_when_visibility_narrows(self, api, alice, anonymous, post, deliver, narrowing):
        old = self.urls(anonymous, post)
        assert {fetch(url) for url in old} == {200}
        self.NARROWINGS[narrowing](api, alice, post)
        deliver()
        assert {fetch(url) for url in old} == {404}

    @pytest.mark.promise("P11")
    def test_a_followers_only_photo_has_signed_urls_that_expire(self, api, alice, bob, post, deliver, settings):
        api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
        deliver()
        for url in self.urls(api(bob), post):
            assert "X-Amz-Signature" in url
            assert fetch(url) == 200
        expired = urls.signed_url(
            urls.private_key(post.media.get(), post.media.get().variants[0]), at=timezone.now() - timedelta(hours=2)
        )
        assert fetch(expired) == 403

    @pytest.mark.promise("P11")
    def test_an_address_outlives_a_block_by_ten_minutes_at_most(self, api, alice, bob, post, deliver):
        api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
        deliver()
        url = self.urls(api(bob), post)[0]
        api(alice).post("/users/@bob/block")
        query = dict(parse_qsl(urlsplit(url).query))
        signed_at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        assert signed_at + timedelta(seconds=int(query["X-Amz-Expires"])) <= timezone.now() + timedelta(minutes=10)

    def test_making_a_post_public_again_makes_new_urls(self, api, alice, anonymous, post, deliver):
        old = self.urls(anonymous, post)
        for visibility in ("followers", "public"):
            api(alice).patch(f"/posts/{post.pk}", {"visibility": visibility})
            deliver()
        new = self.urls(anonymous, post)
        assert not set(old) & set(new)
        assert {fetch(url) for url in new} == {200}

    def test_hiding_during_the_copy_leaves_no_public_copy(self, api, alice, post, deliver, monkeypatch, settings):
        medium = post.media.get()
        services.make_private([medium.pk])
        services.make_public([medium.pk])
        publish = storage.publish

        def publish_and_conceal(*args, **kwargs):
            publish(*args, **kwargs)
            services.make_private([medium.pk])

        monkeypatch.setattr(storage, "publish", publish_and_conceal)
        pipeline.publish_variants(medium.pk)
        monkeypatch.undo()
        deliver()
        sweeps.delete_pending_objects()
        medium.refresh_from_db()
        assert medium.public_secret == ""

    @pytest.mark.promise("P10")
    @pytest.mark.parametrize("narrowing", list(NARROWINGS))
    def test_signed_urls_end_when_visibility_narrows(self, api, alice, anonymous, post, deliver, narrowing):
        medium = post.media.get()
        old = [urls.urls_of(medium, public=False)(variant) for variant in medium.variants]
        assert {fetch(url) for url in old} == {200}
        self.NARROWINGS[narrowing](api, alice, post)
        deliver()
        sweeps.delete_pending_objects()
        assert {fetch(url) for url in old} == {404}

    def test_a_taken_down_photo_stays_visible_to_its_author_and_can_be_restored(
        self, api, alice, anonymous, post, deliver
    ):
        content.take_down(post)
        deliver()
        assert {fetch(url) for url in self.urls(api(alice), post)} == {200}
        content.restore(post)
        deliver()
        new = self.urls(anonymous, post)
        assert {fetch(url) for url in new} == {200}
        assert not [url for url in new if "?" in url]

    @pytest.mark.promise("P10")
    def test_a_takedown_revokes_the_urls_of_followers(self, api, alice, bob, post, deliver):
        api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
        deliver()
        old = self.urls(api(bob), post)
        services.make_private([post.media.get().pk])
        deliver()
        assert {fetch(url) for url in old} == {200}
        services.revoke_urls([post.media.get().pk])
        deliver()
        sweeps.delete_pending_objects()
        assert {fetch(url) for url in old} == {404}

    @pytest.mark.promise("P10")
    def test_hiding_takes_effect_when_storage_is_available_again(self, api, alice, anonymous, post, deliver, settings):
        old = self.urls(anonymous, post)
        there = settings.S3_ENDPOINT_URL
        use_storage(settings, endpoint="http://127.0.0.1:1")
        assert api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"}).status_code == 200
        QueuedTask.objects.all().delete()
        assert sweeps.delete_pending_objects() == 0
        with pytest.raises(storage.StorageError):
            pipeline.move_variants(post.media.get().pk)
        use_storage(settings, endpoint=there)
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert sweeps.enqueue_due() == 1
            deliver()
            sweeps.delete_pending_objects()
        assert {fetch(url) for url in old} == {404}
        assert {fetch(url) for url in self.urls(api(alice), post)} == {200}

    @pytest.mark.promise("P10")
    def test_a_missing_variant_does_not_keep_others_reachable(self, api, alice, post, deliver, settings):
        medium = post.media.get()
        old = [urls.urls_of(medium, public=False)(variant) for variant in medium.variants]
        storage.delete(settings.S3_PRIVATE_BUCKET, [urls.private_key(medium, medium.variants[0])])
        content.take_down(post)
        deliver()
        sweeps.delete_pending_objects()
        assert {fetch(url) for url in old} == {404}
        assert sorted(fetch(url) for url in self.urls(api(alice), post)) == [200] * 5 + [404]

    def test_concurrent_moves_keep_one_set_of_variants(self, api, alice, post, deliver, monkeypatch):
        medium = post.media.get()
        services.revoke_urls([medium.pk])
        copy, written = storage.copy, []

        def copy_after_another(key, *, to):
            if not written:
                written.append(to)
                pipeline.move_variants(medium.pk)
            written.append(to)
            copy(key, to=to)

        monkeypatch.setattr(storage, "copy", copy_after_another)
        pipeline.move_variants(medium.pk)
        deliver()
        sweeps.delete_pending_objects()
        assert {fetch(url) for url in self.urls(api(alice), post)} == {200}
        medium.refresh_from_db()
        left = {key for key in written if storage.head(key)}
        assert left == {urls.private_key(medium, variant) for variant in medium.variants}
        assert len(set(written)) == 12

    @pytest.mark.promise("P3")
    def test_a_medium_is_found_by_viewers_of_its_post_only(self, api, alice, bob, carol, mallory, mod, post, deliver):
        path = f"/media/{post.media.get().pk}"

        def who():
            callers = {"alice": alice, "bob": bob, "carol": carol, "mallory": mallory, "mod": mod}
            return {name for name, user in callers.items() if api(user).get(path).status_code == 200}

        assert who() == {"alice", "bob", "carol", "mod"}
        api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"})
        assert who() == {"alice", "bob", "mod"}
        content.take_down(post)
        assert who() == {"alice", "mod"}

    @pytest.mark.promise("P3")
    @pytest.mark.parametrize("status", ["pending", "uploaded", "processing", "ready", "failed"])
    def test_a_medium_without_a_post_is_found_by_its_owner_only(self, api, alice, bob, mod, status):
        medium = MediaFactory(owner=alice, status=status)
        assert api(alice).get(f"/media/{medium.pk}").json()["status"] == status
        for other in (bob, mod):
            assert api(other).get(f"/media/{medium.pk}").status_code == 404


class TestSigning:
    def test_a_signed_url_equals_that_of_botocore(self, settings, monkeypatch):
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

    def test_a_url_stays_the_same_for_half_its_lifetime_and_is_valid_for_another_half(self, alice, settings):
        medium = MediaFactory(owner=alice)

        def url(minutes):
            with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(minutes=minutes), tick=False):
                return urls.urls_of(medium, public=False)(medium.variants[0])

        assert len({url(minutes) for minutes in range(5)}) == 1
        assert url(4.9) != url(5)
        assert "X-Amz-Date=20261123T120000Z" in url(4.9)
        # The time for which an address is good after a block.
        assert "X-Amz-Expires=600" in url(4.9)

    def test_error_of_a_photo_of_a_post_is_in_the_language_of_the_request(self, api, alice):
        """And in English with its numbers, also after a response in another language."""
        post = PostFactory(author=alice, status="failed", photos=1)
        Media.objects.update(status="failed", error_code="image_too_large", error_detail="It has 65 megapixels.")
        details = [
            api(alice).get(f"/posts/{post.pk}", HTTP_ACCEPT_LANGUAGE=language).json()["media"][0]["error"]["detail"]
            for language in ("de", "en", "fr")
        ]
        assert details == ["Das Bild ist zu groß.", "It has 65 megapixels.", "L’image est trop grande."]

    def test_rendered_photos_follow_the_time_the_visibility_and_the_secrets(self, alice):
        medium = MediaFactory(owner=alice)
        photos = ", ".join(Photo._fields)

        def shown(minutes, *, public=False):
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT json_agg(json_build_array({photos}))::text FROM media_media")
                (row,) = cursor.fetchone()
            with time_machine.travel(datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(minutes=minutes), tick=False):
                return dumps(render_photos(row, public=public, at=urls.signing_time()))

        assert shown(0) == shown(4.9) != shown(5)
        medium.public_secret = "s" * 32
        medium.save()
        assert b"X-Amz-Signature" in shown(0)
        assert b"X-Amz-Signature" not in shown(0, public=True)
        before = shown(0)
        medium.private_secret = "p" * 32
        medium.save()
        assert b"p" * 32 in shown(0) != before

    def test_urls_are_signed_until_the_public_copies_exist(self, alice):
        medium = MediaFactory(owner=alice)
        assert "X-Amz-Signature" in urls.urls_of(medium, public=True)(medium.variants[0])
        medium.public_secret = "s" * 32
        assert "X-Amz-Signature" in urls.urls_of(medium, public=False)(medium.variants[0])
        assert "X-Amz-Signature" not in urls.urls_of(medium, public=True)(medium.variants[0])

    def test_the_urls_of_a_feed_page_are_signed_in_milliseconds(self, alice):
        medium = MediaFactory(owner=alice)
        urls.urls_of(medium, public=False)(medium.variants[0])
        begun = time.process_time()
        for _ in range(20):
            for variant in medium.variants:
                urls.urls_of(medium, public=False)(variant)
        assert time.process_time() - begun < 0.02
