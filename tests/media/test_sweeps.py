"""What the clock finds, and the storage compared with the rows."""

import http.server
import io
import json
import threading
from datetime import timedelta

import httpx
import pytest
from django.core.management import call_command
from django.db.models import ProtectedError
from django.utils import timezone

from apps.core.db.batches import BatchRunner
from apps.core.models import QueuedTask
from apps.media import inventory, objects, privacy, services, storage, sweeps, tasks, urls
from apps.media.models import Media, PendingDeletion
from tests.factories import MediaFactory
from tests.media.uploads import begin, fetch, put, ready, uploaded, use_storage, variant_urls, write
from tests.threads import in_threads

# Sweeps of a whole bucket, which all workers share, find what another test has put there.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("bucket")]


def exposed(caller, deliver):
    medium = ready(caller, deliver)
    services.make_public([medium.pk])
    deliver()
    medium.refresh_from_db()
    assert medium.public_secret
    return medium


def public_urls(medium):
    return [urls.urls_of(medium, public=True)(variant) for variant in medium.variants]


class TestAbandoned:
    @pytest.mark.promise("M7")
    def test_abandoned_uploads_are_removed_with_their_objects(self, api, alice):
        upload = begin(api(alice), b"x").json()
        put(upload, b"x")
        key = Media.objects.get().original_key
        assert sweeps.remove_abandoned_uploads() == 0
        Media.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert sweeps.remove_abandoned_uploads() == 1
        sweeps.delete_pending_objects()
        assert not Media.objects.exists()
        assert storage.head(key) is None

    @pytest.mark.promise("M7")
    def test_a_completed_upload_is_not_removed(self, api, alice):
        uploaded(api(alice))
        Media.objects.update(created_at=timezone.now() - timedelta(hours=25))
        assert sweeps.remove_abandoned_uploads() == 0


class TestDueTasks:
    def test_media_that_wait_for_nothing_are_not_enqueued(self, alice):
        MediaFactory(owner=alice, next_attempt_at=timezone.now())
        MediaFactory(owner=alice, status="failed", next_attempt_at=timezone.now())
        assert sweeps.enqueue_due() == 0
        assert not Media.objects.exclude(next_attempt_at=None).exists()

    @pytest.mark.parametrize(
        ("fields", "enqueued"),
        [
            ({"status": "uploaded"}, [sweeps.PROCESS]),
            ({"status": "processing"}, [sweeps.PROCESS]),
            ({"wanted_public": True}, [sweeps.PUBLISH]),
            ({"wanted_public": True, "public_secret": "s"}, []),
            ({"urls_revoked": True}, [sweeps.MOVE]),
            ({"urls_revoked": True, "wanted_public": True}, [sweeps.MOVE, sweeps.PUBLISH]),
        ],
        ids=str,
    )
    def test_each_medium_gets_its_tasks_at_most_once_a_minute(self, alice, fields, enqueued):
        MediaFactory(owner=alice, next_attempt_at=timezone.now(), **fields)
        assert sweeps.enqueue_due() == len(enqueued)
        assert sweeps.enqueue_due() == 0
        assert list(QueuedTask.objects.order_by("id").values_list("task_name", flat=True)) == enqueued

    def test_tasks_for_unknown_media_do_nothing(self, alice):
        unknown = str(alice.pk)
        for task in (tasks.process_upload, tasks.publish_variants, tasks.move_variants):
            task(media_id=unknown)


class TestDeleting:
    @pytest.fixture
    def cdn(self, settings):
        """A purge hook, and what it was asked; `cdn.status` is its answer."""

        class Hook(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                server.found.append([fetch(url) for url in server.asked[-1]["urls"]])
                self.send_response(server.status)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        server.asked, server.found, server.status = [], [], 200
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.MEDIA_CDN_PURGE_URL = f"http://127.0.0.1:{server.server_port}/purge"
        yield server
        server.shutdown()
        server.server_close()

    @pytest.mark.promise("P10")
    def test_the_cdn_is_purged_after_the_objects_are_deleted(self, api, alice, deliver, cdn):
        old = public_urls(medium := exposed(api(alice), deliver))
        services.make_private([medium.pk])
        sweeps.delete_pending_objects()
        assert [sorted(asked["urls"]) for asked in cdn.asked] == [sorted(old)]
        assert cdn.found == [[404] * 6]

    @pytest.mark.promise("P10")
    def test_a_purge_that_the_cdn_does_not_confirm_is_repeated(self, api, alice, deliver, cdn):
        medium = exposed(api(alice), deliver)
        cdn.status = 500
        services.make_private([medium.pk])
        sweeps.delete_pending_objects()
        public = PendingDeletion.objects.filter(key__startswith=medium.public_secret)
        assert public.count() == 6
        assert sweeps.delete_pending_objects() == 0
        cdn.status = 200
        public.update(due_at=timezone.now())
        assert sweeps.delete_pending_objects() == 6
        assert len(cdn.asked) == 2

    @pytest.mark.promise("C6")
    def test_a_refused_deletion_does_not_delay_others(self, monkeypatch, settings):
        bucket = settings.S3_PRIVATE_BUCKET
        objects.schedule_deletion([(bucket, "a"), (bucket, "poison"), (bucket, "b")])
        monkeypatch.setattr(storage, "delete", lambda bucket, keys: {"poison"} & set(keys))
        pauses = []
        for _ in range(3):
            gone = sweeps.delete_pending_objects()
            [left] = PendingDeletion.objects.all()
            pauses.append(round((left.due_at - timezone.now()).total_seconds()))
            PendingDeletion.objects.update(due_at=timezone.now())
        assert (gone, left.key, left.attempts) == (0, "poison", 3)
        assert pauses == [15, 30, 60]

    def test_a_run_ends_while_storage_is_unavailable(self, monkeypatch, settings):
        objects.schedule_deletion([(settings.S3_PRIVATE_BUCKET, "a")])
        asked = []

        def away(bucket, keys):
            asked.append(keys)
            if len(asked) > 3:
                pytest.fail("It begins again and again.")
            raise storage.StorageError("no answer")

        monkeypatch.setattr(storage, "delete", away)
        monkeypatch.setattr(sweeps, "UNAVAILABLE_PAUSE", timedelta(0))
        assert sweeps.delete_pending_objects() == 0
        assert len(asked) == 1
        assert PendingDeletion.objects.filter(due_at__lte=timezone.now()).exists()

    def test_only_refused_deletions_without_a_running_attempt_become_due(self, monkeypatch):
        monkeypatch.setattr(BatchRunner, "batch_size", 1)
        now = timezone.now()
        due_in = {"refused": 3600, "refused too": 60, "in hand": 44, "due": -60, "not yet": 3600}
        for key, seconds in due_in.items():
            attempts = 0 if key == "not yet" else 2
            due_at = now + timedelta(seconds=seconds)
            PendingDeletion.objects.create(bucket="any", key=key, attempts=attempts, due_at=due_at)
        assert {pending.key for pending in sweeps.deletable_now()} == {"refused", "refused too", "due"}
        sweeps.retry_refused(BatchRunner())
        after = {
            pending.key: round((pending.due_at - now).total_seconds()) for pending in PendingDeletion.objects.all()
        }
        assert after == due_in | {"refused": 0, "refused too": 0}

    def test_a_missing_bucket_does_not_delay_others(self, settings):
        write("originals/here", b"x")
        objects.schedule_deletion([("no-such-bucket", "x"), (settings.S3_PRIVATE_BUCKET, "originals/here")])
        assert sweeps.delete_pending_objects() == 1
        assert storage.head("originals/here") is None

    @pytest.mark.django_db(transaction=True)
    def test_concurrent_runs_delete_each_object_once(self, monkeypatch, settings):
        objects.schedule_deletion((settings.S3_PRIVATE_BUCKET, f"k{number}") for number in range(250))
        deleted = []
        delete = storage.delete
        monkeypatch.setattr(storage, "delete", lambda bucket, keys: deleted.extend(keys) or delete(bucket, keys))
        assert sum(in_threads(2, sweeps.delete_pending_objects)) == 250
        assert len(deleted) == len(set(deleted)) == 250


class TestInventory:
    def test_only_objects_without_rows_are_deleted(self, api, alice, deliver, monkeypatch):
        medium = exposed(api(alice), deliver)
        orphans = ["originals/orphan", "uploads/orphan", "variants/orphan/thumb.webp"]
        for key in orphans:
            write(key, b"x")
        storage.publish("originals/orphan", to="orphan/thumb.webp", content_type="image/webp")
        PendingDeletion.objects.all().delete()
        secrets = "orphan", medium.original_key.rpartition("/")[2], medium.private_secret, medium.public_secret
        shards = {secret[0] for secret in secrets}
        assert [inventory.remove_orphaned_objects(shard) for shard in shards] == [0] * len(shards)
        monkeypatch.setattr(inventory, "ORPHANED_AFTER", timedelta(seconds=-60))
        for shard in shards:
            inventory.remove_orphaned_objects(shard)
        scheduled = set(PendingDeletion.objects.values_list("key", flat=True))
        assert scheduled >= {*orphans, "orphan/thumb.webp"}
        assert medium.original_key not in scheduled
        assert not [key for key in scheduled if medium.private_secret in key or medium.public_secret in key]

    def test_a_missing_variant_is_made_again(self, api, alice, deliver, settings):
        medium = ready(api(alice), deliver)
        shard = medium.private_secret[0]
        assert inventory.reprocess_media_without_objects(shard) == 0
        storage.delete(settings.S3_PRIVATE_BUCKET, [urls.private_key(medium, medium.variants[0])])
        assert inventory.reprocess_media_without_objects(shard) == 1
        sweeps.enqueue_due()
        deliver()
        card = api(alice).get(f"/media/{medium.pk}").json()
        assert {fetch(url) for url in variant_urls(card)} == {200}

    def test_missing_public_copies_are_made_again(self, api, alice, deliver, settings):
        medium = exposed(api(alice), deliver)
        storage.delete(settings.S3_PUBLIC_BUCKET, [urls.public_key(medium.public_secret, medium.variants[0])])
        assert inventory.reprocess_media_without_objects(medium.public_secret[0]) == 1
        sweeps.enqueue_due()
        deliver()
        medium.refresh_from_db()
        assert {fetch(url) for url in public_urls(medium)} == {200}

    def test_the_daily_task_enqueues_a_task_for_each_shard(self):
        tasks.remove_orphaned_objects()
        rows = QueuedTask.objects.filter(task_name="apps.media.tasks.remove_orphaned_objects")
        assert {row.kwargs["shard"] for row in rows} == set(inventory.SHARDS)
        assert {objects.new_secret()[0] for _ in range(2000)} <= set(inventory.SHARDS)


class TestErasure:
    @pytest.mark.promise("P10")
    def test_erasure_deletes_all_rows_and_objects_of_a_user(self, api, alice, bob, deliver, settings):
        hers, his = exposed(api(alice), deliver), exposed(api(bob), deliver)
        begin(api(alice), b"x")
        MediaFactory(owner=alice, status="failed")
        old = public_urls(hers)
        privacy.erase(alice.pk)
        sweeps.delete_pending_objects()
        assert not Media.objects.owned_by(alice.pk).exists()
        assert {fetch(url) for url in old} == {404}
        assert storage.head(hers.original_key) is None
        assert {fetch(url) for url in public_urls(his)} == {200}

    def test_a_user_with_media_cannot_be_deleted(self, alice):
        MediaFactory(owner=alice)
        with pytest.raises(ProtectedError):
            alice.delete()

    @pytest.mark.promise("P10")
    def test_the_export_contains_exactly_the_users_media(self, alice, bob):
        own = {str(MediaFactory(owner=alice, status=status).pk) for status in Media.Status.values}
        MediaFactory(owner=bob)
        rows = list(privacy.export(alice.pk))
        assert {kind for kind, _ in rows} == {"media"}
        assert {row["id"] for _, row in rows} == own


class TestBuckets:
    def test_ensure_buckets_can_run_twice(self, capsys):
        call_command("ensure_buckets")
        call_command("ensure_buckets")
        assert capsys.readouterr().out.count("(private)") == 2

    @pytest.mark.parametrize(
        ("allowed", "origins"),
        [
            ([], ["*"]),
            (["https://app.example"], ["https://app.example", "https://photos.example"]),
            (["https://photos.example"], ["https://photos.example"]),
        ],
    )
    def test_own_pages_may_upload(self, settings, allowed, origins):
        use_storage(settings, private="cors-private", public="cors-public")
        settings.PUBLIC_URL = "https://photos.example"
        settings.CORS_ALLOWED_ORIGINS, settings.CORS_ALLOW_ALL_ORIGINS = allowed, not allowed
        call_command("ensure_buckets", stdout=io.StringIO())
        [rule] = storage.client().get_bucket_cors(Bucket="cors-private")["CORSRules"]
        assert (rule["AllowedOrigins"], sorted(rule["AllowedMethods"])) == (origins, ["GET", "PUT"])

    def test_ensure_buckets_creates_missing_buckets(self, settings):
        use_storage(settings, private="fresh-private", public="fresh-public")
        call_command("ensure_buckets")
        write("originals/x", b"x")
        assert httpx.get(f"{settings.S3_ENDPOINT_URL}/fresh-private/originals/x").status_code == 403
