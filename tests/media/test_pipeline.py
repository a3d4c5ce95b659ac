"""From the completed upload to the variants, whatever fails on the way; against real storage."""

import io
import socket
import time
from datetime import timedelta

import pytest
import requests
import time_machine
from django.core.files.storage import storages
from django.utils import timezone
from PIL import Image
from prometheus_client import REGISTRY

from apps.core.models import QueuedTask
from apps.media import pipeline, services, storage, sweeps, urls
from apps.media.models import Media, PendingDeletion
from config.schedule import SCHEDULE
from tests.conftest import Caller
from tests.factories import MediaFactory, PostFactory, UserFactory
from tests.media.uploads import begin, fetch, jpeg, put, ready, uploaded, use_storage, variant_urls, write
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
NO_SERVER = "http://127.0.0.1:1"


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

    def test_the_upload_status_shows_the_progress(self, api, alice, deliver):
        medium = uploaded(api(alice))
        before = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        deliver()
        after = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        assert (before["status"], after["status"]) == ("uploaded", "ready")
        assert (before["progress"], after["progress"]) == (25, 100)

    @pytest.mark.promise("M3")
    def test_a_damaged_file_fails_with_a_code(self, api, alice, deliver):
        medium = uploaded(api(alice), data=jpeg()[:300])
        deliver()
        shown = api(alice).get(f"/media/upload/{medium.pk}/status").json()
        assert shown["status"] == "failed"
        assert shown["error"]["code"] == "image_corrupt"

    @pytest.mark.promise("M2")
    def test_a_file_of_another_type_than_declared_fails(self, api, alice, deliver):
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

    @pytest.mark.promise("P3")
    def test_a_foreign_medium_is_refused_as_an_avatar_like_an_unknown_id(self, api, alice, carol, deliver):
        medium = ready(api(alice), deliver)
        foreign = api(carol).patch("/users/me", {"avatar_media_id": str(medium.pk)})
        random = api(carol).patch("/users/me", {"avatar_media_id": str(alice.pk)})
        assert foreign.status_code == 400
        assert {**foreign.json(), "request_id": ""} == {**random.json(), "request_id": ""}

    @pytest.mark.promise("M6")
    @pytest.mark.django_db(transaction=True)
    def test_concurrent_workers_process_an_upload_once(self, monkeypatch):
        medium = uploaded(Caller(UserFactory(handle="alice")))
        rendered = []
        render = pipeline.sandbox.render_safely
        monkeypatch.setattr(pipeline.sandbox, "render_safely", lambda *a, **k: rendered.append(1) or render(*a, **k))
        in_threads(4, lambda: pipeline.process(medium.pk))
        assert len(rendered) == 1
        medium.refresh_from_db()
        assert medium.status == "ready"

    @pytest.mark.promise("C2")
    def test_an_expired_lease_is_processed_again(self, api, alice, deliver, settings):
        medium = uploaded(api(alice))
        QueuedTask.objects.all().delete()
        assert pipeline._claim(medium.pk)
        assert sweeps.enqueue_due() == 0
        with time_machine.travel(timezone.now() + settings.MEDIA_LEASE + timedelta(seconds=1)):
            assert sweeps.enqueue_due() == 1
            assert sweeps.enqueue_due() == 0
            deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.attempts, medium.next_attempt_at) == ("ready", 2, None)

    @pytest.mark.promise("C2")
    def test_lease_and_sweep_are_shorter_than_a_minute(self, settings):
        period = SCHEDULE["apps.media.tasks.enqueue_due_media"]
        assert settings.MEDIA_LEASE + timedelta(seconds=period) < timedelta(seconds=60)
        network = storages["default"].client_config
        longest_step = max(storage.LONGEST_DOWNLOAD, network.connect_timeout + network.read_timeout)
        assert timedelta(seconds=longest_step) < settings.MEDIA_LEASE

    @pytest.mark.promise("C4")
    def test_a_lost_task_is_enqueued_again(self, api, alice, deliver):
        medium = uploaded(api(alice))
        QueuedTask.objects.all().delete()
        assert sweeps.enqueue_due() == 0
        with time_machine.travel(timezone.now() + timedelta(seconds=61)):
            assert sweeps.enqueue_due() == 1
            deliver()
        medium.refresh_from_db()
        assert medium.status == "ready"

    def test_a_worker_that_lost_its_lease_leaves_no_objects(self, api, alice, deliver, monkeypatch):
        medium = uploaded(api(alice))
        written = []
        save = storage.save

        def save_slowly(key, *args, **kwargs):
            save(key, *args, **kwargs)
            written.append(key)
            Media.objects.filter(pk=medium.pk).update(leased_until=timezone.now() + timedelta(seconds=99))

        monkeypatch.setattr(storage, "save", save_slowly)
        pipeline.process(medium.pk)
        assert len(written) == 1
        medium.refresh_from_db()
        assert (medium.status, medium.variants) == ("processing", [])
        sweeps.delete_pending_objects()
        assert storage.head(written[0]) is None

    def test_deleting_a_medium_during_processing_leaves_no_objects(self, api, alice, monkeypatch):
        medium = uploaded(api(alice))
        written = []
        save = storage.save

        def save_and_delete(key, *args, **kwargs):
            save(key, *args, **kwargs)
            written.append(key)
            if len(written) == 6:
                services.delete_upload(medium)

        monkeypatch.setattr(storage, "save", save_and_delete)
        pipeline.process(medium.pk)
        sweeps.delete_pending_objects()
        assert not Media.objects.exists()
        assert len(written) == 6
        assert not [key for key in [*written, medium.original_key] if storage.head(key)]

    @pytest.mark.promise("C6")
    def test_a_crash_counts_as_an_attempt_and_releases_the_lease(self, api, alice, monkeypatch):
        medium = uploaded(api(alice))
        monkeypatch.setattr(pipeline.sandbox, "render_safely", lambda *args, **kwargs: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert (medium.status, medium.attempts, medium.leased_until) == ("uploaded", 1, None)
        assert medium.next_attempt_at > timezone.now()

    def test_reprocessing_makes_new_objects_and_removes_the_old(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        services.make_public([medium.pk])
        deliver()
        medium.refresh_from_db()
        old = [urls.urls_of(medium, public=public)(variant) for variant in medium.variants for public in (True, False)]
        assert services.reprocess(medium)
        assert {fetch(url) for url in old} == {200}
        deliver()
        sweeps.enqueue_due()
        deliver()
        sweeps.delete_pending_objects()
        assert {fetch(url) for url in old} == {404}
        medium.refresh_from_db()
        new = [urls.urls_of(medium, public=public)(variant) for variant in medium.variants for public in (True, False)]
        assert {fetch(url) for url in new} == {200}
        assert len({url.split("?")[0] for url in new}) == 12

    def test_reprocessing_that_fails_keeps_the_former_variants(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        services.reprocess(medium)
        write(Media.objects.get().original_key, b"no picture")
        Media.objects.update(original_etag=storage.head(medium.original_key).etag)
        deliver()
        card = api(alice).get(f"/media/{medium.pk}").json()
        assert (card["status"], card["error"]) == ("ready", None)
        assert {fetch(url) for url in variant_urls(card)} == {200}

    def test_a_pending_upload_is_not_reprocessed(self, alice):
        assert not services.reprocess(MediaFactory(owner=alice, status="pending"))

    @pytest.mark.promise("M6")
    def test_the_worker_compares_the_hash(self, api, alice, deliver):
        medium = uploaded(api(alice))
        Media.objects.update(sha256="0" * 64)
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("failed", "image_corrupt")

    def test_the_pixel_limit_of_the_settings_is_applied(self, api, alice, deliver, settings):
        medium = uploaded(api(alice))
        settings.MEDIA_MAX_PIXELS = 1000
        deliver()
        medium.refresh_from_db()
        assert medium.error_code == "image_too_large"

    def test_outcomes_are_counted(self, api, alice, deliver):
        def counted(outcome):
            return REGISTRY.get_sample_value("photogram_media_total", {"outcome": outcome}) or 0

        before = counted("ready"), counted("image_corrupt")
        ready(api(alice), deliver)
        uploaded(api(alice), data=jpeg()[:300])
        deliver()
        assert (counted("ready"), counted("image_corrupt")) == (before[0] + 1, before[1] + 1)

    @pytest.mark.promise("C6")
    def test_processing_fails_after_five_attempts(self, api, alice, deliver, settings):
        medium = uploaded(api(alice))
        Media.objects.filter(pk=medium.pk).update(attempts=settings.MEDIA_MAX_ATTEMPTS)
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("failed", "processing_timeout")


class TestC9StorageUnavailable:
    @pytest.fixture
    def away(self, settings):
        use_storage(settings, endpoint=NO_SERVER)

    @pytest.mark.promise("C9")
    def test_only_uploads_fail(self, api, alice, bob, request):
        upload = begin(api(alice), jpeg()).json()
        put(upload, jpeg())
        post = PostFactory(author=alice)
        request.getfixturevalue("away")
        for answer in (begin(api(alice), jpeg()), api(alice).post(f"/media/upload/{upload['id']}/complete")):
            assert (answer.status_code, answer.json()["code"]) == (503, "storage_unavailable")
            assert answer.headers["Retry-After"]
        assert api(alice).get(f"/media/upload/{upload['id']}/status").status_code == 200
        assert api(bob).get("/feed").status_code == 200
        assert api(bob).get(f"/posts/{post.pk}").status_code == 200
        assert api(alice).patch(f"/posts/{post.pk}", {"visibility": "followers"}).status_code == 200
        assert api(alice).delete(f"/posts/{post.pk}").status_code == 204
        assert api(None).get("/health/ready").json()["checks"]["storage"] == "down"
        assert api(None).get("/health/ready").status_code == 200

    @pytest.mark.slow
    @pytest.mark.promise("C9")
    def test_a_request_waits_less_than_five_seconds_for_silent_storage(self, api, alice, settings):
        upload = begin(api(alice), jpeg()).json()
        with socket.create_server(("127.0.0.1", 0)) as silent:
            use_storage(settings, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
            # The first request of a process loads the S3 API, which takes long on a busy machine.
            storage.client(storage.INTERACTIVE)
            for ask in (
                lambda: begin(api(alice), jpeg()),
                lambda: api(alice).post(f"/media/upload/{upload['id']}/complete"),
            ):
                begun = time.monotonic()
                assert ask().json()["code"] == "storage_unavailable"
                assert time.monotonic() - begun < 5

    @pytest.mark.promise("C9")
    def test_failures_of_storage_do_not_count_as_attempts(self, api, alice, settings, deliver):
        medium = uploaded(api(alice))
        there = settings.S3_ENDPOINT_URL
        use_storage(settings, endpoint=NO_SERVER)
        for _ in range(settings.MEDIA_MAX_ATTEMPTS + 2):
            pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert (medium.status, medium.leased_until, medium.attempts) == ("uploaded", None, 0)
        use_storage(settings, endpoint=there)
        QueuedTask.objects.all().delete()
        with time_machine.travel(timezone.now() + timedelta(seconds=6)):
            assert sweeps.enqueue_due() == 1
            deliver()
        medium.refresh_from_db()
        assert medium.status == "ready"

    @pytest.mark.promise("C9")
    def test_pauses_grow_until_processing_fails_after_a_day(self, api, alice, settings, deliver):
        medium = uploaded(api(alice))
        use_storage(settings, endpoint=NO_SERVER)
        pauses = []
        for waited in (1, 60, 3600):
            Media.objects.update(uploaded_at=timezone.now() - timedelta(seconds=waited))
            pipeline.process(medium.pk)
            medium.refresh_from_db()
            pauses.append(round((medium.next_attempt_at - timezone.now()).total_seconds()))
        assert pauses == [5, 15, 120]
        Media.objects.update(uploaded_at=timezone.now() - timedelta(hours=25))
        pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("failed", "processing_timeout")

    @pytest.mark.promise("C9")
    def test_variants_saved_before_a_failure_are_deleted(self, api, alice, monkeypatch, deliver):
        medium = uploaded(api(alice))
        written = []
        save = storage.save

        def save_two(key, *args, **kwargs):
            if len(written) == 2:
                raise storage.StorageError("slow down")
            save(key, *args, **kwargs)
            written.append(key)

        monkeypatch.setattr(storage, "save", save_two)
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.variants, medium.private_secret) == ("uploaded", [], "")
        assert PendingDeletion.objects.filter(key__in=written).count() == 2
        monkeypatch.undo()
        pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert medium.status == "ready"

    @pytest.mark.promise("C9")
    def test_a_missing_original_fails_after_five_attempts(self, api, alice, settings):
        medium = uploaded(api(alice))
        storage.delete(settings.S3_PRIVATE_BUCKET, [medium.original_key])
        for _ in range(settings.MEDIA_MAX_ATTEMPTS + 1):
            pipeline.process(medium.pk)
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("failed", "processing_timeout")

    @pytest.mark.promise("P10")
    def test_objects_are_deleted_when_storage_is_available_again(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        sweeps.delete_pending_objects()
        url = variant_urls(api(alice).get(f"/media/{medium.pk}").json())[0]
        there = settings.S3_ENDPOINT_URL
        use_storage(settings, endpoint=NO_SERVER)
        assert api(alice).delete(f"/media/{medium.pk}").status_code == 204
        assert sweeps.delete_pending_objects() == 0
        use_storage(settings, endpoint=there)
        assert fetch(url) == 200
        due = PendingDeletion.objects.filter(key__contains=medium.private_secret).values_list("due_at", flat=True)
        assert max(due) < timezone.now() + timedelta(seconds=30)
        PendingDeletion.objects.filter(due_at__lt=timezone.now() + timedelta(minutes=1)).update(due_at=timezone.now())
        assert sweeps.delete_pending_objects() == 7
        assert fetch(url) == 404
        assert storage.head(medium.original_key) is None
