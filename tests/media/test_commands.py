"""`manage.py reprocess_media` and `purge_media`."""

from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from apps.media import inventory, objects, storage, urls
from apps.media.models import Media, PendingDeletion
from tests.commands import interrupt, run
from tests.factories import MediaFactory
from tests.media.uploads import ready, write

# Sweeps of a whole bucket, which all workers share, find what another test has put there.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("bucket")]


def failed(owner, **fields):
    return MediaFactory(owner=owner, status="failed", original_etag="etag", error_code="processing_timeout", **fields)


def statuses():
    return list(Media.objects.order_by("pk").values_list("status", flat=True))


class TestReprocessMedia:
    def test_failed_media_are_processed_again(self, api, alice, deliver):
        medium = ready(api(alice), deliver)
        Media.objects.update(status="failed", error_code="processing_timeout")
        outcome = run("reprocess_media")
        assert (outcome.code, outcome.out) == (0, "1 media found, 1 sent to the pipeline.\n")
        deliver()
        medium.refresh_from_db()
        assert (medium.status, medium.error_code) == ("ready", "")

    def test_the_options_select_media(self, alice, bob):
        mine, other = failed(alice), failed(bob)
        good = MediaFactory(owner=alice, original_etag="etag")
        for options, chosen in [
            ([], 2),
            (["--user", "@bob"], 1),
            (["--status", "ready"], 1),
            (["--status", "ready", "--user", "bob@example.org"], 0),
            (["--id", str(mine.pk), "--id", str(good.pk)], 2),
            (["--after", str(mine.pk)], 1),
        ]:
            assert run("reprocess_media", "--dry-run", "--json", *options).json["chosen"] == chosen, options
        run("reprocess_media", "--user", "@bob")
        other.refresh_from_db()
        assert other.status == "uploaded"
        assert statuses() == ["failed", "uploaded", "ready"]

    def test_a_dry_run_changes_nothing(self, alice):
        failed(alice)
        outcome = run("reprocess_media", "--dry-run", "--json")
        assert (outcome.json["chosen"], outcome.json["handed_over"]) == (1, 0)
        assert statuses() == ["failed"]

    def test_a_medium_without_an_original_is_skipped(self, alice):
        MediaFactory(owner=alice, status="failed")
        assert run("reprocess_media", "--json").json["handed_over"] == 0
        assert statuses() == ["failed"]

    def test_the_number_of_waiting_media_is_limited(self, alice, monkeypatch):
        for _ in range(4):
            failed(alice)
        waiting = []

        def work(runner, seconds):
            """While it waits, a worker makes them ready."""
            waiting.append(statuses().count("uploaded"))
            Media.objects.filter(status="uploaded").update(status="failed", original_etag="", next_attempt_at=None)

        monkeypatch.setattr("apps.core.db.batches.BatchRunner.wait", work)
        assert run("reprocess_media", "--at-once", "2", "--json").json["handed_over"] == 4
        assert max(waiting) == 2

    def test_media_that_wait_already_count(self, alice, monkeypatch):
        for _ in range(2):
            MediaFactory(owner=alice, status="uploaded", next_attempt_at=timezone.now())
        for _ in range(3):
            failed(alice)
        monkeypatch.setattr("apps.core.db.batches.BatchRunner.wait", lambda runner, seconds: runner.stop())
        assert run("reprocess_media", "--at-once", "4", "--json").json["handed_over"] == 2
        assert statuses().count("uploaded") == 4

    def test_a_stopped_run_can_be_continued(self, alice, monkeypatch):
        media = sorted((failed(alice) for _ in range(3)), key=lambda medium: medium.pk)
        interrupt(monkeypatch)
        stopped = run("reprocess_media", "--at-once", "1", "--json")
        assert (stopped.code, stopped.json["handed_over"]) == (130, 1)
        assert stopped.json["go_on_after"] == str(media[0].pk)
        assert statuses() == ["uploaded", "failed", "failed"]
        monkeypatch.undo()
        assert run("reprocess_media", "--after", stopped.json["go_on_after"], "--json").json["handed_over"] == 2
        assert statuses() == ["uploaded"] * 3

    def test_missing_variants_are_made_again(self, api, alice, deliver, monkeypatch):
        medium = ready(api(alice), deliver)
        monkeypatch.setattr(inventory, "SHARDS", medium.private_secret[0])
        storage.delete(django_settings.S3_PRIVATE_BUCKET, [urls.private_key(medium, medium.variants[0])])
        assert run("reprocess_media", "--without-objects", "--dry-run", "--json").json["chosen"] == 1
        assert statuses() == ["ready"]
        assert run("reprocess_media", "--without-objects", "--json").json["handed_over"] == 1
        assert statuses() == ["uploaded"]

    def test_missing_variants_without_an_original_are_counted(self, api, alice, deliver, monkeypatch):
        medium = ready(api(alice), deliver)
        monkeypatch.setattr(inventory, "SHARDS", medium.private_secret[0])
        storage.delete(django_settings.S3_PRIVATE_BUCKET, [urls.private_key(medium, medium.variants[0])])
        Media.objects.update(original_etag="")
        outcome = run("reprocess_media", "--without-objects", "--json")
        assert (outcome.json["chosen"], outcome.json["handed_over"]) == (1, 0)

    @pytest.mark.parametrize(
        "options", [["--user", "@alice"], ["--id", "7"], ["--status", "ready"], ["--after", "7"], ["--at-once", "3"]]
    )
    def test_without_objects_cannot_be_combined_with_other_options(self, options):
        outcome = run("reprocess_media", "--without-objects", *options)
        said = f"--without-objects cannot be combined with {options[0]}."
        assert (outcome.code, outcome.err) == (1, said)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (["--id", "7"], "7 is not an id."),
            (["--after", "x"], "x is not an id."),
            (["--user", "@nobody"], "There is no user @nobody."),
        ],
    )
    def test_invalid_options_are_refused(self, options, said):
        outcome = run("reprocess_media", *options)
        assert (outcome.code, outcome.err) == (1, said)

    def test_unavailable_storage_is_reported(self, monkeypatch):
        monkeypatch.setattr(storage, "listing", away)
        outcome = run("reprocess_media", "--without-objects")
        assert (outcome.code, outcome.err) == (1, "Storage did not answer: no answer")


def away(*_, **__):
    raise storage.StorageError("no answer")


class TestPurgeMedia:
    @pytest.fixture(autouse=True)
    def _a_corner_of_storage(self, monkeypatch):
        """That no other test's objects are in."""
        monkeypatch.setattr(inventory, "SHARDS", "~!")
        monkeypatch.setattr(inventory, "ORPHANED_AFTER", timedelta(seconds=-60))

    @pytest.fixture
    def rubbish(self, alice):
        """The keys of an object without a row, and of one that storage has refused to delete."""
        MediaFactory(owner=alice, status="pending")
        Media.objects.update(created_at=timezone.now() - timedelta(hours=25))
        keys = ["originals/~orphan", "originals/~pending"]
        for key in keys:
            write(key, b"x")
        objects.schedule_deletion(
            [(django_settings.S3_PRIVATE_BUCKET, keys[1])], due_at=timezone.now() + timedelta(hours=1)
        )
        PendingDeletion.objects.update(attempts=3)
        yield keys
        storage.delete(django_settings.S3_PRIVATE_BUCKET, keys)

    def test_all_obsolete_objects_are_deleted(self, rubbish):
        outcome = run("purge_media", "--json")
        assert outcome.code == 0
        assert (outcome.json["abandoned"], outcome.json["orphaned"]) == (1, 2)
        assert outcome.json["pending"] == PendingDeletion.objects.count()
        assert outcome.json["deleted"] >= 3
        assert not Media.objects.exists()
        assert [storage.head(key) for key in rubbish] == [None, None]

    def test_a_dry_run_only_counts(self, rubbish):
        outcome = run("purge_media", "--dry-run", "--json")
        assert (outcome.json["abandoned"], outcome.json["orphaned"]) == (1, 2)
        assert (outcome.json["deleted"], outcome.json["pending"]) == (1, 0)
        assert Media.objects.exists()
        assert PendingDeletion.objects.count() == 1
        assert all(storage.head(key) for key in rubbish)
        assert "     2 orphaned objects" in run("purge_media", "--dry-run").out

    @pytest.mark.parametrize("part", ["pending", "doomed"])  # the second is its former name
    def test_a_single_part_can_be_run(self, rubbish, part):
        assert run("purge_media", "--only", part, "--json").json["deleted"] == 1
        assert Media.objects.exists()
        assert storage.head(rubbish[0])
        assert storage.head(rubbish[1]) is None

    def test_another_run_continues_a_stopped_one(self, rubbish, monkeypatch):
        interrupt(monkeypatch)
        stopped = run("purge_media", "--json")
        assert (stopped.code, stopped.json["stopped"]) == (130, True)
        assert (stopped.json["abandoned"], stopped.json["orphaned"], stopped.json["deleted"]) == (1, 0, 0)
        assert all(storage.head(key) for key in rubbish)
        monkeypatch.undo()
        monkeypatch.setattr(inventory, "SHARDS", "~!")
        monkeypatch.setattr(inventory, "ORPHANED_AFTER", timedelta(seconds=-60))
        run("purge_media")
        assert [storage.head(key) for key in rubbish] == [None, None]

    def test_unavailable_storage_is_reported(self, monkeypatch):
        monkeypatch.setattr(storage, "listing", away)
        outcome = run("purge_media")
        assert (outcome.code, outcome.err) == (1, "Storage did not answer: no answer")
