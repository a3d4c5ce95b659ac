"""Nothing is missing from a timeline, whatever happens while it is built, and with Redis whatever it does."""

import pytest

from apps.accounts import services as accounts
from apps.content.models import Post
from apps.core import cache
from apps.feed import live, mode, reading, snapshots, timeline
from apps.feed.models import FeedMode
from apps.social import services as social
from tests.factories import FollowFactory, PostFactory, UserFactory
from tests.feed.worlds import page_of, posts_for, publish
from tests.threads import in_threads

NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def while_building(monkeypatch):
    """`while_building(deed)`: it happens between a build's reading of the database and its keeping what it read."""

    def arrange(deed):
        read = timeline.newest_ids

        def read_then(*args, **kwargs):
            ids = read(*args, **kwargs)
            monkeypatch.setattr(timeline, "newest_ids", read)
            deed()
            return ids

        monkeypatch.setattr(timeline, "newest_ids", read_then)

    return arrange


@pytest.mark.django_db
class TestForcedRaces:
    def test_post_pushed_during_a_build_is_kept(self, alice, bob, deliver, while_building):
        old, new = PostFactory(author=alice), []

        def post():
            new.append(publish(alice))
            deliver()

        while_building(post)
        assert page_of(bob) == [old.pk], "as it was when it was read"
        assert page_of(bob) == page_of(bob) == [new[0].pk, old.pk]

    def test_post_pushed_during_a_build_by_the_job_is_kept(self, alice, bob, while_building):
        old = PostFactory(author=alice)
        while_building(lambda: live.push(PostFactory(author=alice).pk, [bob.pk], only_active=False))
        snapshots.build(bob.pk)
        assert len(page_of(bob)) == 2
        assert page_of(bob)[1] == old.pk

    def test_post_pushed_into_an_invalid_timeline_is_kept(self, alice, bob, deliver, while_building):
        old, new = PostFactory(author=alice), []
        page_of(bob)
        live.begin_epoch()
        while_building(lambda: (new.append(publish(alice)), deliver()))
        page_of(bob)
        assert page_of(bob) == [new[0].pk, old.pk]

    def test_follow_during_a_build_is_kept(self, alice, carol, deliver, while_building):
        post = PostFactory(author=alice)
        while_building(lambda: (social.follow(alice.pk, by=carol.pk), deliver()))
        assert page_of(carol) == []
        assert page_of(carol) == [post.pk]

    def test_push_after_an_unfollow_shows_nothing(self, alice, bob, deliver):
        social.unfollow(alice.pk, by=bob.pk)
        deliver()
        assert page_of(bob) == []
        post = PostFactory(author=alice)
        assert live.push(post.pk, [bob.pk], only_active=False) == 1
        assert page_of(bob) == []
        assert live.look_up(bob.pk, may_build=False).ids is None, "it was dropped: it holds what is none of bob's"

    def test_slow_build_that_lost_its_lock_stores_nothing(self, alice, bob):
        slow = live.look_up(bob.pk, may_build=True)
        live.drop([bob.pk])
        assert live.look_up(bob.pk, may_build=True).token
        assert not live.store(bob.pk, slow, b"")


@pytest.mark.django_db(transaction=True)
class TestThreads:
    def test_concurrent_requests_build_a_timeline_once(self, monkeypatch):
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        FollowFactory(follower=bob, followed=alice)
        posts = [PostFactory(author=alice, photos=0).pk for _ in range(5)]
        kept, keep = [], live.store
        monkeypatch.setattr(live, "store", lambda *args: kept.append(keep(*args)))
        pages = in_threads(8, lambda: page_of(bob))
        assert pages == [posts[::-1]] * 8
        assert kept == [True]

    @pytest.mark.promise("R5")
    def test_no_post_is_lost_with_concurrent_readers_and_authors(self, deliver):
        alice, bob, carol = (UserFactory(handle=name) for name in ("alice", "bob", "carol"))
        for follower in (bob, carol):
            FollowFactory(follower=follower, followed=alice)

        def post_or_read():
            for _ in range(5):
                published = publish(alice)
                # As its task does, at once and out of order with the others'.
                live.push(published.pk, [bob.pk, carol.pk], only_active=False)
                page_of(bob)
                live.drop([carol.pk])
                page_of(carol)

        in_threads(4, post_or_read)
        everything = sorted(Post.objects.values_list("pk", flat=True), reverse=True)
        assert len(everything) == 20
        for reader in (bob, carol):
            assert page_of(reader, limit=50) == everything

    @pytest.mark.promise("R5")
    def test_page_is_correct_during_follows_and_unfollows(self, deliver):
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        post = PostFactory(author=alice, photos=0)

        def come_and_go():
            for _ in range(5):
                social.follow(alice.pk, by=bob.pk)
                page_of_whoever(bob)
                social.unfollow(alice.pk, by=bob.pk)
                page_of_whoever(bob)

        in_threads(3, come_and_go)
        assert page_of(bob) == []
        deliver()
        social.follow(alice.pk, by=bob.pk)
        assert page_of(bob) == [post.pk]


def page_of_whoever(viewer):
    """Others may change whom the viewer follows while it is read."""
    ids, posts = reading.page(viewer.pk, posts_for(viewer), limit=20)
    assert set(posts) <= set(ids)


@pytest.mark.django_db
class TestC7RedisAway:
    @pytest.mark.promise("C7")
    def test_posts_made_during_an_outage_are_shown_afterwards(self, alice, bob, deliver, settings):
        old, url = publish(alice), settings.REDIS_URL
        deliver()
        assert page_of(bob) == [old.pk]
        settings.REDIS_URL = NOWHERE
        new = publish(alice)
        deliver()
        assert page_of(bob) == [new.pk, old.pk]
        settings.REDIS_URL = url
        cache.breaker.reset()
        assert page_of(bob) == [new.pk, old.pk]

    @pytest.mark.promise("C7")
    def test_posts_are_shown_if_the_reading_process_saw_no_outage(self, alice, bob, deliver, settings, monkeypatch):
        old, url = publish(alice), settings.REDIS_URL
        deliver()
        page_of(bob)
        settings.REDIS_URL = NOWHERE
        new = publish(alice)
        deliver()
        settings.REDIS_URL = url
        cache.breaker.reset()
        monkeypatch.setattr(live._Process, "missed", "")
        assert FeedMode.objects.get().missed_at
        mode.decide()
        assert FeedMode.objects.get().missed_at is None
        assert page_of(bob) == [new.pk, old.pk]

    @pytest.mark.promise("C7")
    def test_change_missed_during_a_lookup_invalidates_timelines(self, alice, bob, monkeypatch):
        page_of(bob)
        call = cache.call

        def absent(command):
            raise cache.RedisUnavailable

        def answer_while_another_thread_misses(command):
            answer = call(command)
            monkeypatch.setattr(cache, "call", absent)
            live.invalidate(bob.pk)
            monkeypatch.setattr(cache, "call", call)
            return answer

        monkeypatch.setattr(cache, "call", answer_while_another_thread_misses)
        live.look_up(alice.pk, may_build=False)
        assert live.look_up(bob.pk, may_build=False).ids is None

    @pytest.mark.promise("C7")
    def test_concurrent_lookups_begin_the_same_epoch(self, alice, bob, settings, monkeypatch):
        url, post = settings.REDIS_URL, PostFactory(author=alice)
        settings.REDIS_URL = NOWHERE
        live.invalidate(bob.pk)
        settings.REDIS_URL = url
        cache.breaker.reset()
        call = cache.call

        def call_after_another_thread(command):
            monkeypatch.setattr(cache, "call", call)
            page_of(bob)
            return call(command)

        monkeypatch.setattr(cache, "call", call_after_another_thread)
        live.look_up(alice.pk, may_build=False)
        assert live.look_up(bob.pk, may_build=False).ids == post.pk.bytes

    @pytest.mark.promise("C7")
    def test_old_snapshot_of_redis_is_not_used(self, alice, bob):
        post = PostFactory(author=alice)
        key = live._keys(bob.pk)[0]
        page_of(bob)
        former = cache.call(lambda client: client.get(key))
        new = PostFactory(author=alice)
        other_run = b"x" * 40 + former[40:]
        cache.call(lambda client: client.set(key, other_run))
        assert page_of(bob) == [new.pk, post.pk]

    @pytest.mark.promise("C7")
    def test_emptied_redis_is_filled_again(self, alice, bob):
        post = PostFactory(author=alice)
        page_of(bob)
        live.drop([bob.pk])
        assert page_of(bob) == [post.pk]
        assert live.look_up(bob.pk, may_build=False).ids == post.pk.bytes

    @pytest.mark.promise("C7")
    def test_tasks_do_not_fail_without_redis(self, api, alice, bob, deliver, settings):
        settings.REDIS_URL = NOWHERE
        assert api(bob).post("/users/@alice/mute").status_code == 200
        accounts.suspend(alice, reason="spam")
        accounts.unsuspend(alice)
        ran = deliver()
        assert {"apps.feed.tasks.settle_timeline", "apps.feed.tasks.drop_timelines_of_readers"} <= set(ran)
        assert FeedMode.objects.get().missed_at
        assert api(bob).post("/feed/refresh").status_code == 200
