"""The policy as a table; what the modes do; snapshots, and who keeps them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core import cache
from apps.core.db.batches import BatchRunner
from apps.feed import live, mode, policy, reading, snapshots, tasks, timeline
from apps.feed.models import FeedMode, FeedSnapshot
from apps.feed.policy import BUSY, NORMAL, RECOVERING, Decision, Inputs, Thresholds
from apps.social.models import Follow
from tests.commands import interrupt, run
from tests.factories import FollowFactory, PostFactory, UserFactory
from tests.feed.worlds import page_of, publish

LIMITS = Thresholds(queue=1000, seconds=0.5, hit_ratio=0.8)
CALM = Inputs(queue=0, seconds=0.01, hit_ratio=0.99)


@pytest.mark.parametrize(
    ("before", "inputs", "after"),
    [
        (Decision(), CALM, Decision()),
        (Decision(), Inputs(), Decision()),
        (Decision(), Inputs(queue=999, queue_before=0), Decision()),
        (Decision(), Inputs(queue=1000, queue_before=999), Decision(BUSY)),
        (Decision(), Inputs(queue=1000, queue_before=1000), Decision()),
        (Decision(), Inputs(queue=5000, queue_before=9000), Decision()),
        (Decision(), Inputs(seconds=0.5), Decision()),
        (Decision(), Inputs(seconds=0.51), Decision(BUSY)),
        (Decision(), Inputs(hit_ratio=0.8), Decision()),
        (Decision(), Inputs(hit_ratio=0.79), Decision(BUSY)),
        (Decision(BUSY), Inputs(queue=500, queue_before=9000), Decision(BUSY)),
        (Decision(BUSY), Inputs(queue=499, queue_before=0), Decision(RECOVERING, 1)),
        (Decision(BUSY), CALM, Decision(RECOVERING, 1)),
        (Decision(RECOVERING, 1), CALM, Decision(RECOVERING, 2)),
        (Decision(RECOVERING, 3), CALM, Decision(NORMAL)),
        (Decision(RECOVERING, 3), Inputs(hit_ratio=0.1), Decision(BUSY)),
    ],
)
def test_policy_chooses_the_mode_from_its_inputs(before, inputs, after):
    assert policy.decide(before, inputs, LIMITS) == after


pytestmark = pytest.mark.django_db


@pytest.fixture
def busy(db):
    mode.pin(BUSY)


def read_often(reader, times=6):
    for _ in range(times):
        page_of(reader)


def snapshot_of(reader):
    """Of somebody who has followed nobody of late. And no live timeline: Redis has been emptied since."""
    Follow.objects.filter(follower=reader).update(created_at=timezone.now() - timedelta(hours=1))
    assert snapshots.build(reader.pk)
    live.drop([reader.pk])


def sources(monkeypatch):
    seen = []

    class Pages:
        def labels(self, source):
            seen.append(source)
            return self

        def inc(self):
            return None

    monkeypatch.setattr(reading, "PAGES", Pages())
    return seen


class TestDeciding:
    def test_inputs_are_those_since_the_last_decision(self, alice, monkeypatch):
        monkeypatch.setattr(mode, "MIN_SAMPLES", 3)
        PostFactory(author=alice)
        read_often(alice, 12)
        tasks.decide_mode()
        kept = FeedMode.objects.get()
        assert 0 < kept.seconds < 60
        assert kept.hit_ratio == 1
        assert kept.mode == NORMAL
        live.drop([alice.pk])
        for _ in range(5):
            live.look_up(alice.pk, may_build=False)
        assert mode.decide()
        assert FeedMode.objects.get().hit_ratio == 0
        assert live.look_up(alice.pk, may_build=False).mode == mode.current() == BUSY

    def test_pinned_mode_overrides_the_policy(self, alice):
        assert run("feed_mode", "busy").code == 0
        assert live.look_up(alice.pk, may_build=False).mode == BUSY
        mode.decide()
        told = run("feed_mode").out
        assert "The feed is busy (pinned; the policy says normal)." in told
        run("feed_mode", "normal", "--dry-run")
        assert mode.current() == BUSY
        assert run("feed_mode", "auto", "--json").json["mode"] == NORMAL
        assert live.look_up(alice.pk, may_build=False).mode == NORMAL

    def test_mode_is_shown_with_inputs_and_thresholds(self, anonymous, busy):
        told = anonymous.get("/metrics").content.decode()
        assert 'photogram_feed_mode{mode="busy"} 1.0' in told
        assert "photogram_feed_mode_pinned 1.0" in told
        assert 'photogram_feed_mode_input{input="queue"} 0.0' in told
        assert 'photogram_feed_threshold{input="hit_ratio"} 0.8' in told

    def test_mode_is_normal_without_recent_decision(self, alice, bob, deliver):
        FeedMode.objects.create(pk=1, mode=BUSY)
        page_of(bob)
        assert mode.current() == BUSY
        FeedMode.objects.update(decided_at=timezone.now() - timedelta(seconds=mode.MODE_SECONDS + 1))
        assert mode.current() == NORMAL
        assert run("feed_mode", "--json").json["mode"] == NORMAL
        post = publish(alice)
        deliver()
        assert live.look_up(bob.pk, may_build=False).ids == post.pk.bytes, "pushed, though bob is not hot"
        FeedMode.objects.update(pinned=BUSY)
        assert mode.current() == BUSY, "an operator has decided"

    def test_reading_the_mode_writes_nothing(self, anonymous):
        assert mode.current() == NORMAL
        anonymous.get("/metrics")
        run("feed_mode")
        assert not FeedMode.objects.exists()

    def test_mode_is_read_from_the_row_without_redis(self, settings):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        mode.pin(BUSY)
        assert not mode.decide()
        assert mode.current() == BUSY


class TestBusy:
    def test_busy_feed_shows_the_snapshot_with_own_posts(self, alice, bob, busy, monkeypatch):
        old = PostFactory(author=alice)
        snapshot_of(bob)
        new, own = PostFactory(author=alice), PostFactory(author=bob)
        seen = sources(monkeypatch)
        assert page_of(bob) == [own.pk, old.pk]
        FeedSnapshot.objects.update(built_at=timezone.now() - timedelta(minutes=10))
        assert page_of(bob) == [own.pk, old.pk]
        FeedSnapshot.objects.update(built_at=timezone.now() - timedelta(hours=2))
        assert page_of(bob) == [own.pk, new.pk, old.pk]
        assert seen == ["snapshot", "stale", "database"]

    def test_normal_feed_builds_a_missing_timeline(self, alice, bob, monkeypatch):
        PostFactory(author=alice)
        snapshot_of(bob)
        seen = sources(monkeypatch)
        page_of(bob)
        page_of(bob)
        assert seen == ["database", "live"]

    @pytest.mark.promise("P5", "P6")
    def test_snapshot_shows_no_content_that_has_been_hidden(self, api, alice, bob, busy):
        PostFactory(author=alice)
        snapshot_of(bob)
        assert len(api(bob).get("/feed").json()["results"]) == 1
        api(bob).post("/users/@alice/mute")
        assert api(bob).get("/feed").json()["results"] == []

    def test_follow_shows_posts_at_once_and_invalidates_the_snapshot(self, api, alice, carol, busy, deliver):
        snapshot_of(carol)
        post = PostFactory(author=alice)
        api(carol).post("/users/@alice/follow")
        assert page_of(carol) == [post.pk]
        deliver()
        assert page_of(carol) == [post.pk]

    def test_followed_posts_stay_visible_if_the_task_is_late(self, api, alice, carol, busy):
        old = PostFactory(author=carol)
        snapshot_of(carol)
        post = PostFactory(author=alice)
        api(carol).post("/users/@alice/follow")
        assert page_of(carol) == [post.pk, old.pk]
        # As when the doubt has expired, with the task still in its queue.
        live.erase(carol.pk)
        assert page_of(carol) == [post.pk, old.pk]

    def test_busy_feed_can_be_read_to_its_end(self, alice, bob, busy, monkeypatch):
        old = PostFactory(author=alice)
        read_often(bob)
        snapshot_of(bob)
        FeedSnapshot.objects.update(built_at=timezone.now() - timedelta(minutes=10), visits=9)
        new = PostFactory(author=alice)
        seen = sources(monkeypatch)
        assert page_of(bob) == [old.pk]
        assert tasks.keep_snapshots() == 1
        assert page_of(bob) == [new.pk, old.pk]
        assert seen == ["stale", "live"]

    def test_only_the_most_active_timelines_are_pushed_to_when_busy(self, alice, bob, carol, busy, deliver):
        FollowFactory(follower=carol, followed=alice)
        read_often(bob)
        page_of(carol)
        post = publish(alice)
        deliver()
        assert live.look_up(bob.pk, may_build=False).ids == post.pk.bytes
        assert live.look_up(carol.pk, may_build=False).ids is None
        assert page_of(carol) == [post.pk]


class TestSnapshots:
    def test_job_updates_snapshots_of_active_readers(self, alice, bob, carol):
        post = PostFactory(author=alice)
        read_often(bob)
        page_of(carol)
        assert tasks.keep_snapshots() == 1
        kept = FeedSnapshot.objects.get()
        assert (kept.user_id, bytes(kept.ids)) == (bob.pk, post.pk.bytes)
        assert tasks.keep_snapshots() == 0, "it is young"
        assert live.readers()[bob.pk] < 6, "visits count ever less"

    def test_snapshot_of_an_inactive_reader_is_deleted_after_a_day(self, alice, bob):
        read_often(bob)
        snapshots.renew()
        live.erase(bob.pk)
        page_of(alice)
        FeedSnapshot.objects.update(built_at=timezone.now() - timedelta(hours=23))
        assert snapshots.renew() == 0
        assert FeedSnapshot.objects.get().visits < 5
        FeedSnapshot.objects.update(built_at=timezone.now() - timedelta(hours=25))
        snapshots.renew()
        assert not FeedSnapshot.objects.exists()

    def test_active_readers_are_restored_after_a_loss_of_redis(self, bob):
        read_often(bob)
        snapshots.renew()
        cache.call(lambda client: client.delete(cache.key("feed", "visits")))
        mode.decide()
        assert live.readers(least=5) == {bob.pk: 6}

    def test_active_readers_are_restored_after_new_visits(self, alice, bob):
        read_often(bob)
        snapshots.renew()
        cache.call(lambda client: client.delete(cache.key("feed", "visits")))
        page_of(bob)
        read_often(alice, 20)
        mode.decide()
        assert live.readers(least=5) == {alice.pk: 20, bob.pk: 6}
        tasks.keep_snapshots()
        assert live.readers(least=0) == {alice.pk: 10, bob.pk: 3}

    def test_job_builds_timelines_except_invalidated_ones(self, alice, bob):
        post = PostFactory(author=alice)
        snapshots.build(bob.pk)
        assert live.look_up(bob.pk, may_build=False).ids == post.pk.bytes
        name = live.invalidate(bob.pk)
        snapshots.build(bob.pk)
        live.mark_clean(bob.pk, name)
        assert live.look_up(bob.pk, may_build=False).ids is None

    def test_most_active_readers_are_stored_and_read_only_after_a_loss(self, alice, bob, carol, monkeypatch):
        monkeypatch.setattr(snapshots, "MAX_READERS", 1)
        snapshots.save_visits({bob.pk: 6})
        snapshots.save_visits({alice.pk: 9})
        FeedSnapshot.objects.filter(user=bob).update(visits=6)
        snapshots.restore_visits()
        assert live.readers() == {alice.pk: 9}
        with CaptureQueriesContext(connection) as queries:
            snapshots.restore_visits()
        assert not queries

    def test_stored_active_readers_are_cleared_when_none_is_active(self, alice, bob):
        snapshots.restore_visits()
        page_of(alice)
        snapshots.save_visits({bob.pk: 8})
        snapshots.build(bob.pk)
        snapshots.renew()
        assert FeedSnapshot.objects.get().visits == 4

    def test_fresh_snapshots_are_counted(self, anonymous, alice, bob):
        for reader in (alice, bob):
            snapshots.build(reader.pk)
        FeedSnapshot.objects.filter(user=bob).update(built_at=timezone.now() - timedelta(hours=2))
        assert snapshots.find(bob.pk) is None
        assert "photogram_feed_snapshots 1.0" in anonymous.get("/metrics").content.decode()

    def test_job_continues_from_its_checkpoint_at_a_limited_rate(self, alice, bob, monkeypatch):
        naps = []
        monkeypatch.setattr(BatchRunner, "wait", lambda runner, seconds: naps.append(seconds))
        for reader in (alice, bob):
            read_often(reader)
        runner = BatchRunner()
        runner.stop()
        assert snapshots.renew(runner) == 0
        assert snapshots.renew(BatchRunner(checkpoint=runner.checkpoint), hurry=False) == 2
        assert naps == [4 / 20, 4 / 20]

    def test_snapshot_invalidated_meanwhile_is_not_written(self, bob, monkeypatch):
        read = timeline.newest_ids

        def read_slowly(*args, **kwargs):
            ids = read(*args, **kwargs)
            snapshots.discard(bob.pk)
            return ids

        monkeypatch.setattr(timeline, "newest_ids", read_slowly)
        assert not snapshots.build(bob.pk)
        assert FeedSnapshot.objects.get().built_at is None


class TestBackfillCommand:
    @pytest.fixture(autouse=True)
    def _at_once(self, settings):
        settings.FEED_BACKFILL_PER_SECOND = 10_000.0

    def test_backfill_of_all_recent_readers(self, alice, bob, carol):
        PostFactory(author=alice)
        for reader in (alice, bob):
            page_of(reader)
        assert run("backfill_feeds", "--dry-run", "--json").json["found"] == 2
        assert not FeedSnapshot.objects.exists()
        assert "2 feeds found, 2 snapshots built." in run("backfill_feeds").out
        assert set(FeedSnapshot.objects.values_list("user", flat=True)) == {alice.pk, bob.pk}
        assert run("backfill_feeds", "--limit", "1", "--json").json["built"] == 1

    def test_backfill_of_one_user(self, alice, bob):
        assert run("backfill_feeds", "--user", "@bob", "--json").json["built"] == 1
        assert FeedSnapshot.objects.get().user_id == bob.pk
        assert run("backfill_feeds", "--user", "@nobody").code == 1
        assert run("backfill_feeds", "--limit", "0").code == 1

    def test_backfill_of_active_readers_that_are_due(self, alice, bob):
        page_of(alice)
        snapshots.save_visits({bob.pk: 9})
        assert run("backfill_feeds", "--hot", "--json").json["built"] == 1
        assert run("backfill_feeds", "--hot", "--json").json["found"] == 0

    def test_backfill_without_redis_updates_existing_snapshots(self, alice, bob, settings):
        snapshots.build(bob.pk)
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert run("backfill_feeds", "--json").json == {"found": 1, "built": 1, "dry_run": False, "stopped": False}

    def test_backfill_can_be_interrupted(self, alice, bob, monkeypatch):
        for reader in (alice, bob):
            page_of(reader)
        interrupt(monkeypatch)
        outcome = run("backfill_feeds", "--json")
        assert (outcome.code, outcome.json["built"]) == (130, 1)


def test_refresh_rebuilds_snapshots_and_counts_new_posts(api, alice, bob):
    caller = api(bob)
    posts = [PostFactory(author=alice, photos=0) for _ in range(2)]
    assert caller.post("/feed/refresh").json()["new_since_last"] == 2
    live.drop([bob.pk])
    posts.append(PostFactory(author=UserFactory(handle="new", is_private=False), photos=0))
    FollowFactory(follower=bob, followed=posts[2].author)
    answer = caller.post("/feed/refresh").json()
    assert answer["new_since_last"] == 1
    assert [row["id"] for row in answer["results"]] == [str(post.pk) for post in reversed(posts)]
    assert live.look_up(bob.pk, may_build=False).ids
