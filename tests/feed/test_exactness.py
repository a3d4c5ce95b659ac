"""Wherever a page comes from, it is the page that the rules say."""

import math
import random
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import services as content
from apps.content.models import Post
from apps.core import cache
from apps.core.db.ids import new_id
from apps.feed import fanout, live, newest, packed, privacy, snapshots, timeline
from apps.feed.models import FeedSnapshot, NewestPost
from apps.social.models import Follow, Mute
from tests.factories import PASSWORD, FollowFactory, MuteFactory, PostFactory, UserFactory, many
from tests.feed.worlds import World, feed_of, page_of, publish, walk
from tests.plans import analyze, explain_kept, indexes_used, nodes

pytestmark = pytest.mark.django_db
few = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


LOOKUP, SCAN, SCAN_TOO_SHORT = (math.inf, 3), (0, 3), (0, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("walk", [LOOKUP, SCAN, SCAN_TOO_SHORT])
@few
@given(seed=st.integers(0, 10_000), spare=st.integers(0, 2), limit=st.integers(1, 4))
def test_page_of_newest_posters_equals_the_page_of_all(monkeypatch, db, walk, seed, spare, limit):
    """Also where authors have lost their newest post, or are hidden: the bound is then too high."""
    monkeypatch.setattr(timeline, "SPARE", spare)
    monkeypatch.setattr(timeline, "SCAN_WORTH", walk[0])
    monkeypatch.setattr(timeline, "SCAN_REACH", walk[1])
    world = World(seed, people=8)
    for viewer in world.people:
        for other in world.people:
            if viewer != other and world.dice.random() < 0.7:
                FollowFactory(follower=viewer, followed=other)
    for _ in range(25):
        PostFactory(author=world.dice.choice(world.people), photos=0)
    for _ in range(8):
        world.dice.choice([world.withdraw, world.withdraw, world.hide, world.mute])(*world.dice.sample(world.people, 2))
    analyze("feed_newestpost")
    for viewer in world.people:
        assert timeline.newest_ids(viewer.pk, limit=limit) == feed_of(viewer)[:limit]


@pytest.mark.slow
@few
@given(seed=st.integers(0, 10_000))
def test_every_feed_is_correct_after_every_write(deliver, seed):
    world = World(seed, people=4)
    for _ in range(20):
        world.random_action()
        deliver()
        for viewer in world.people:
            assert walk(viewer) == feed_of(viewer)


@few
@given(seed=st.integers(0, 10_000))
def test_own_changes_are_in_the_feed_before_any_task_runs(deliver, seed):
    """No task is needed for the viewer's own actions, and for posts that the viewer may no longer see."""
    world = World(seed, people=4)
    viewer = world.people[0]
    for _ in range(8):
        action = world.dice.choice([world.post, world.follow, world.follow, world.mute, world.block])
        action(viewer, world.dice.choice(world.people[1:]))
        assert walk(viewer) == feed_of(viewer)
        others = world.dice.sample(world.people[1:], 2)
        world.dice.choice([world.withdraw, world.post, world.block])(*others)
        assert set(walk(viewer)) <= set(feed_of(viewer))
        # A task delivers the posts of others; the next action needs them.
        deliver()


@few
@given(seed=st.integers(0, 10_000))
def test_push_keeps_the_order_of_ids(db, seed):
    dice, viewer = random.Random(seed), uuid4()
    ids = [UUID(int=dice.getrandbits(128)) for _ in range(packed.LENGTH + 40)]
    built = sorted(ids[: dice.choice([3, packed.LENGTH])], reverse=True)
    lookup = live.look_up(viewer, may_build=True)
    assert live.store(viewer, lookup, b"".join(pk.bytes for pk in built))
    for pk in [*ids, *ids[:5]]:
        assert live.push(pk, [viewer, uuid4()], only_active=False) == 1
    kept = packed.unpack(live.look_up(viewer, may_build=False).ids)
    assert kept == sorted(ids, reverse=True)[: packed.LENGTH]


def test_end_of_the_feed_differs_from_the_end_of_the_timeline():
    ids = sorted((UUID(int=n) for n in range(packed.LENGTH)), reverse=True)
    assert packed.part(packed.pack(ids), limit=21, before=ids[-22]) == ids[-21:]
    assert packed.part(packed.pack(ids), limit=21, before=ids[-21]) is None
    assert packed.part(packed.pack(ids[1:]), limit=21, before=ids[-21]) == ids[-20:]
    assert packed.part(b"", limit=21, before=None) == []


def test_pages_continue_after_the_end_of_the_timeline(alice, bob, monkeypatch):
    monkeypatch.setattr(packed, "LENGTH", 5)
    monkeypatch.setattr(live, "LENGTH", 5)
    posts = [PostFactory(author=alice, photos=0) for _ in range(12)]
    assert walk(bob) == walk(bob) == [post.pk for post in reversed(posts)]


def test_many_timelines_are_dropped_and_pushed_to(alice, bob, carol, monkeypatch):
    monkeypatch.setattr(live, "BATCH_SIZE", 2)
    readers = [alice.pk, bob.pk, carol.pk]
    for reader in readers:
        assert live.store(reader, live.look_up(reader, may_build=True), b"")
    assert live.push(new_id(), readers, only_active=False) == 3
    live.drop(readers)
    assert [live.look_up(reader, may_build=False).ids for reader in readers] == [None] * 3


class TestStatements:
    def statements(self, caller, path="/feed"):
        """The statements that read the ids of a feed."""
        executed = []

        def note(execute, sql, params, many, context):
            executed.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            assert caller.get(path).status_code == 200
        return [sql for sql in executed if ") AS source" in sql or "feed_" in sql]

    def test_cold_page_takes_one_statement_for_ids_and_warm_page_none(self, api, alice, bob):
        for _ in range(30):
            PostFactory(author=alice, photos=0)
        caller = api(bob)
        assert len(self.statements(caller)) == 1
        assert self.statements(caller) == []
        cursor = caller.get("/feed").json()["next_cursor"]
        assert self.statements(caller, f"/feed?cursor={cursor}") == []

    def test_page_without_redis_takes_one_statement_for_ids(self, api, alice, bob, settings):
        PostFactory(author=alice)
        caller = api(bob)
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert len(self.statements(caller)) == 1

    @pytest.mark.slow
    @pytest.mark.parametrize("walks", [False, True])
    def test_first_page_reads_posts_of_a_limited_number_of_authors(self, alice, walks):

        people = many(User(handle=f"author{n}", email=f"author{n}@example.org", password="!") for n in range(2000))
        many(Follow(follower=alice, followed=person) for person in people[500:])
        many(Post(id=new_id(), author=people[n % 2000], status="published") for n in range(6000))
        User.objects.filter(pk=alice.pk).update(following_count=1500)
        analyze("accounts_user", "social_follow", "content_post", "feed_newestpost")
        scan = {"worth": timeline.SCAN_WORTH if walks else 2000.0, "reach": timeline.SCAN_REACH}
        plan = explain_kept(timeline.first_page_sql(alice.pk), {"viewer": alice.pk, "limit": 21, "authors": 37} | scan)
        notes = {node["Index Name"]: node for node in nodes(plan) if node.get("Relation Name") == "feed_newestpost"}
        walked, looked_up = notes["newest_posts_latest_first"], notes["feed_newestpost_pkey"]
        assert looked_up["Actual Loops"] == (0 if walks else 1501)
        assert walked["Actual Rows"] == (37 if walks else 0)
        posts = [node for node in nodes(plan) if node.get("Relation Name") == "content_post"]
        assert "shown_posts_by_author" in indexes_used(plan)
        assert {node["Node Type"] for node in posts} <= {"Index Scan", "Index Only Scan"}
        assert sum(node["Actual Loops"] for node in posts) <= 37


class TestNewestPosts:
    def bound(self, author):
        return NewestPost.objects.filter(author=author).values_list("post", flat=True).first()

    def test_newest_post_is_updated_by_every_write_of_a_post(self, alice):
        assert self.bound(alice) is None
        first = PostFactory(author=alice, photos=0)
        assert self.bound(alice) == first.pk
        second = PostFactory(author=alice, photos=0, status="processing")
        Post.objects.filter(pk=first.pk).update(taken_down_at=None)
        assert self.bound(alice) == second.pk
        NewestPost.objects.all().delete()
        Post.objects.filter(pk=second.pk).update(status="published")
        assert self.bound(alice) == second.pk

    def test_newest_post_is_corrected_after_a_withdrawal(self, alice, bob):

        posts = [PostFactory(author=alice, photos=0) for _ in range(2)]
        gone = PostFactory(author=bob, photos=0)
        content.take_down(posts[1])
        content.delete_post(gone)
        assert self.bound(alice) == posts[1].pk
        assert newest.repair() == 2
        assert (self.bound(alice), self.bound(bob)) == (posts[0].pk, None)
        assert newest.repair() == 0
        content.restore(posts[1])
        assert self.bound(alice) == posts[1].pk


class TestP2P5P6WithAWarmTimeline:
    @pytest.fixture
    def post(self, alice, bob, deliver):
        post = publish(alice)
        deliver()
        assert page_of(bob) == page_of(bob) == [post.pk]
        assert live.look_up(bob.pk, may_build=False).ids
        return post

    def is_gone(self, api, bob):
        return api(bob).get("/feed").json()["results"] == []

    @pytest.mark.promise("P2")
    def test_removed_posts_are_gone_on_the_next_request(self, api, bob, post):

        content.take_down(post)
        assert self.is_gone(api, bob)
        content.restore(post)
        content.delete_post(post)
        assert self.is_gone(api, bob)

    @pytest.mark.promise("P2")
    def test_posts_of_inactive_authors_are_gone_on_the_next_request(self, api, alice, bob, post, deliver):

        accounts.suspend(alice, reason="spam")
        assert self.is_gone(api, bob)
        accounts.unsuspend(alice)
        deliver()
        assert page_of(bob) == [post.pk]
        alice.refresh_from_db()
        accounts.leave(alice, password=PASSWORD)
        assert self.is_gone(api, bob)

    @pytest.mark.promise("P5")
    @pytest.mark.parametrize(
        ("who", "path"),
        [
            ("alice", "/users/@bob/block"),
            ("bob", "/users/@alice/block"),
            ("bob", "/users/@alice/mute"),
            ("bob", "/users/@alice/unfollow"),
            ("alice", "/users/@bob/remove-follower"),
        ],
    )
    def test_posts_of_blocked_muted_or_unfollowed_authors_are_gone(self, api, alice, bob, post, who, path):
        assert api({"alice": alice, "bob": bob}[who]).post(path).status_code == 200
        assert self.is_gone(api, bob)

    @pytest.mark.promise("P6")
    def test_id_in_a_timeline_shows_no_invisible_post(self, api, alice, bob, post):
        """As if every push, doubt and task had been lost."""

        stranger = PostFactory(author=UserFactory(handle="stranger"), visibility="followers")
        live.push(stranger.pk, [bob.pk], only_active=False)
        assert [row["id"] for row in api(bob).get("/feed").json()["results"]] == [str(post.pk)]
        page_of(bob)
        Mute.objects.create(muter=bob, muted=alice)
        assert self.is_gone(api, bob)
        Mute.objects.all().delete()
        live.drop([bob.pk])
        assert page_of(bob) == [post.pk]
        Follow.objects.all().delete()
        assert self.is_gone(api, bob)


def test_own_posts_and_new_follows_are_in_the_feed_at_once(api, alice, carol, deliver):
    post = publish(alice)
    assert page_of(carol) == []
    api(carol).post("/users/@alice/follow")
    assert page_of(carol) == [post.pk]
    own = publish(carol)
    assert page_of(carol) == page_of(carol) == [own.pk, post.pk]
    deliver()
    page_of(carol)
    assert live.look_up(carol.pk, may_build=False).ids == packed.pack([own.pk, post.pk])


def test_rolled_back_write_leaves_the_feed_correct(alice):
    live.invalidate(alice.pk)
    post = PostFactory(author=alice)
    assert page_of(alice) == [post.pk]
    assert live.look_up(alice.pk, may_build=True).is_dirty
    assert 0 < cache.call(lambda client: client.ttl(cache.key("feed", "dirty", alice.pk))) <= live.INVALID_SECONDS


def test_invalidation_is_only_cleared_by_its_own_task(alice):
    first, second = live.invalidate(alice.pk), live.invalidate(alice.pk)
    live.mark_clean(alice.pk, second)
    assert live.look_up(alice.pk, may_build=True).is_dirty
    live.mark_clean(alice.pk, first)
    assert live.look_up(alice.pk, may_build=True).token


def test_erasure_deletes_the_timeline_of_the_user(alice):

    PostFactory(author=alice)
    page_of(alice)
    live.invalidate(alice.pk)
    snapshots.build(alice.pk)
    privacy.erase(alice.pk)
    assert not FeedSnapshot.objects.exists()
    assert not NewestPost.objects.exists()
    assert alice.pk not in live.readers()
    assert not cache.call(lambda client: list(client.scan_iter(match=f"*{alice.pk}*")))


def test_only_followers_who_do_not_mute_are_pushed_to(alice, bob, carol):

    FollowFactory(follower=carol, followed=alice)
    MuteFactory(muter=carol, muted=alice)
    assert fanout._readers_of(alice.pk) == [bob.pk]
