"""Every list: its pages, its cursors, its cost, its index."""

import random
from datetime import timedelta
from itertools import count, pairwise

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.accounts import services as accounts
from apps.accounts.models import Session, User
from apps.content.models import Post, PostTag, Tag
from apps.core.db.ids import new_id
from apps.core.db.queries import load
from apps.engagement.models import Comment, Like, Save
from apps.feed import explore, timeline
from apps.moderation import services as moderation
from apps.notifications.models import Notification, NotificationEvent
from apps.social import reads
from apps.social import visibility as social
from apps.social.models import Block, Follow, FollowRequest, Mute
from tests.conftest import Caller
from tests.factories import CommentFactory, FollowFactory, MuteFactory, PostFactory, UserFactory, many
from tests.plans import analyze, explain, explain_kept, indexes_used, nodes, rows_read

pytestmark = pytest.mark.django_db

ROWS = 12


def posts(alice):
    for _ in range(ROWS):
        PostFactory(author=alice, photos=2, caption="#husum")
    tag = Tag.objects.create(name="husum")
    many(PostTag(post=post, tag=tag, position=0) for post in Post.objects.all())


def people(alice):
    fan = UserFactory(handle="fan")
    FollowFactory(follower=alice, followed=fan)
    for _ in range(ROWS):
        person = UserFactory()
        FollowFactory(follower=person, followed=alice)
        FollowFactory(follower=alice, followed=person)
        FollowFactory(follower=fan, followed=UserFactory())
        FollowRequest.objects.create(requester=person, target=alice)
        MuteFactory(muter=alice, muted=person)
        Block.objects.create(blocker=alice, blocked=UserFactory())
        accounts.open_session(alice)


def acts(alice):
    """One post with many likes and comments, and many posts that alice likes and saves."""
    post = PostFactory(author=alice, pk=POST)
    thread = CommentFactory(post=post, author=alice)
    Comment.objects.filter(pk=thread.pk).update(id=THREAD)
    thread = Comment.objects.get(pk=THREAD)
    for _ in range(ROWS):
        person = UserFactory()
        Like.objects.create(post=post, user=person)
        CommentFactory(post=post, author=person)
        CommentFactory(post=post, author=person, parent=thread)
        theirs = PostFactory(author=person)
        Like.objects.create(post=theirs, user=alice)
        Save.objects.create(post=theirs, user=alice)


def decisions(alice):
    """Of a moderator, whom alice is to this end, and about her."""
    alice.groups.add(Group.objects.get_or_create(name="moderator")[0])
    judge = UserFactory(handle="judge", is_superuser=True)
    for _ in range(ROWS):
        moderation.take_down_post(PostFactory(author=alice, photos=0), by=judge, reason="x", category="spam")
        person = UserFactory()
        moderation.flag(person, by=alice.pk, category="spam")
        action = moderation.take_down_post(PostFactory(author=person), by=alice, reason="x", category="spam")
        moderation.appeal(action, by=person.pk, text="x")


def told(alice):
    post = PostFactory(author=alice)
    for _ in range(ROWS):
        person = UserFactory()
        comment = CommentFactory(post=post, author=person)
        one = Notification.objects.create(recipient=alice, type="comment", post=post, comment=comment)
        NotificationEvent.objects.create(notification=one, recipient=alice, actor=person, cause=comment.pk)


def findable(alice):
    posts(alice)
    for number in range(ROWS):
        UserFactory(handle=f"findable{number}")
    Post.objects.update(published_at=timezone.now())
    explore.keep_scores()


def tags(alice):
    post = PostFactory(author=alice)
    for number in range(ROWS):
        PostTag.objects.create(post=post, tag=Tag.objects.create(name=f"tag{number:02}"), position=number)


POST = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10"
THREAD = "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d11"
LISTS = {
    "/users/@alice/posts": posts,
    "/tags/husum/posts": posts,
    "/feed": posts,
    "/users/@alice/followers": people,
    "/users/@alice/following": people,
    "/users/suggestions": people,
    "/users/me/blocks": people,
    "/users/me/mutes": people,
    "/follow-requests": people,
    "/auth/sessions": people,
    f"/posts/{POST}/likes": acts,
    f"/posts/{POST}/comments": acts,
    "/users/me/liked": acts,
    "/users/me/saved": acts,
    "/moderation/flags": decisions,
    "/moderation/flags/mine": decisions,
    "/moderation/actions/mine": decisions,
    "/moderation/audit": decisions,
    "/moderation/appeals": decisions,
    "/notifications": told,
    "/explore": findable,
    "/search/users?q=findable": findable,
    "/search/posts?q=%23husum husum": findable,
    "/search/tags?q=tag": tags,
}


@pytest.fixture(params=dict.fromkeys(LISTS.values()), ids=lambda make: make.__name__)
def lists(alice, request):
    """Alice's client, and the lists that the rows fill."""
    request.param(alice)
    return Caller(alice), [path for path, make in LISTS.items() if make is request.param]


def asked(path):
    """The path, up to where another parameter may follow."""
    return f"{path}{'&' if '?' in path else '?'}"


def walk(caller, path, limit):
    seen, cursor = [], ""
    while cursor is not None:
        page = caller.get(f"{asked(path)}limit={limit}{f'&cursor={cursor}' if cursor else ''}").json()
        seen += page["results"]
        cursor = page["next_cursor"]
    return seen


def test_all_pages_together_contain_every_row_once(lists, subtests):
    api, paths = lists
    for path in paths:
        with subtests.test(path=path):
            whole = api.get(f"{asked(path)}limit=100").json()
            assert whole["next_cursor"] is None
            assert len(whole["results"]) >= ROWS
            assert walk(api, path, 5) == whole["results"]


def test_the_number_of_queries_does_not_depend_on_the_page_size(lists, subtests):
    api, paths = lists
    for path in paths:
        with subtests.test(path=path):
            api.get(path)
            spent = []
            for limit in (2, 10):
                with CaptureQueriesContext(connection) as queries:
                    assert len(api.get(f"{asked(path)}limit={limit}").json()["results"]) == limit
                spent.append(len(queries))
            assert spent[0] == spent[1] <= 8


@pytest.mark.slow
def test_invalid_limits_and_cursors_are_refused(lists, carol, subtests):
    api, paths = lists
    # A cursor is its viewer's own, whatever the viewer may do.
    carol.groups.set(api.user.groups.all())
    for path in paths:
        with subtests.test(path=path):
            refuse_invalid_limits_and_cursors(api, path, carol)


def refuse_invalid_limits_and_cursors(api, path, other_viewer):
    for limit in ("0", "-1", "x", "1.5", "", "%00", "9" * 40, "١"):
        answer = api.get(f"{asked(path)}limit={limit}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_limit")
    assert len(api.get(f"{asked(path)}limit=1000000").json()["results"]) <= 100
    cursor = api.get(f"{asked(path)}limit=1").json()["next_cursor"]
    forged = ["x", "", cursor[:-1], cursor + "x", f"x{cursor}", "%00", "%F0%28", "9" * 5000]
    for bad in forged:
        answer = api.get(f"{asked(path)}cursor={bad}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), bad
    elsewhere = next(other for other in LISTS if other != path)
    assert api.get(f"{asked(elsewhere)}cursor={cursor}").json()["code"] == "invalid_cursor"
    if not path.startswith("/users/suggestions"):
        assert Caller(other_viewer).get(f"{asked(path)}cursor={cursor}").status_code == 400


@pytest.mark.slow
@pytest.mark.promise("R5")
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10_000), limit=st.integers(1, 6))
def test_pages_read_during_writes_contain_lasting_rows_once(alice, seed, limit):
    dice = random.Random(seed)
    Post.objects.all().delete()
    stable = [PostFactory(author=alice, photos=0) for _ in range(12)]
    fleeting = [PostFactory(author=alice, photos=0) for _ in range(4)]
    caller, seen, cursor = Caller(alice), [], ""
    while cursor is not None:
        page = caller.get(f"/users/me/posts?limit={limit}{f'&cursor={cursor}' if cursor else ''}").json()
        seen += [post["id"] for post in page["results"]]
        cursor = page["next_cursor"]
        PostFactory(author=alice, photos=0)
        if fleeting and dice.random() < 0.6:
            fleeting.pop(dice.randrange(len(fleeting))).delete()
    assert len(seen) == len(set(seen))
    assert {str(post.pk) for post in stable} <= set(seen)


def follow_alice(alice):
    return FollowFactory(follower=UserFactory(), followed=alice)


def like_hers(alice):
    return Like.objects.create(post_id=POST, user=UserFactory())


def comment_on_hers(alice):
    return CommentFactory(post=Post.objects.get(pk=POST), author=UserFactory())


def save_one(alice):
    return Save.objects.create(post=PostFactory(author=UserFactory(), photos=0), user=alice)


def block_one(alice):
    return Block.objects.create(blocker=alice, blocked=UserFactory())


@pytest.mark.promise("R5")
@pytest.mark.parametrize(
    ("path", "add"),
    [
        ("/users/me/followers", follow_alice),
        ("/users/me/blocks", block_one),
        ("/users/me/saved", save_one),
        (f"/posts/{POST}/likes", like_hers),
        (f"/posts/{POST}/comments", comment_on_hers),
    ],
)
def test_pages_of_follows_and_likes_contain_lasting_rows_once(alice, path, add):
    PostFactory(author=alice, pk=POST)
    caller, rows = Caller(alice), [add(alice) for _ in range(12)]
    before = caller.get(path).json()["results"]
    fleeting, seen, cursor = [rows[3], rows[7]], [], ""
    while cursor is not None:
        page = caller.get(f"{path}?limit=2{f'&cursor={cursor}' if cursor else ''}").json()
        seen += page["results"]
        cursor = page["next_cursor"]
        add(alice)
        if fleeting:
            fleeting.pop().delete()
    stable = [card for number, card in enumerate(reversed(before)) if number not in {3, 7}]
    names = [name_of(card) for card in seen]
    assert len(names) == len(set(names))
    assert {name_of(card) for card in stable} <= set(names) <= {name_of(card) for card in before}


def name_of(card):
    """What tells the row apart, of whatever list."""
    return card["id"] if "id" in card else card["user"]["id"]


@pytest.mark.slow
class TestIndexes:
    """On enough rows that a scan would be dearer than the index."""

    @pytest.fixture
    def crowd(self, alice):
        numbers = count()
        crowd = many(
            User(handle=f"crowd{next(numbers)}", email=f"crowd{n}@example.org", password="!") for n in range(3000)
        )
        many(Follow(follower=person, followed=alice) for person in crowd)
        many(Follow(follower=alice, followed=person) for person in crowd[:500])
        many(Follow(follower=a, followed=b) for a, b in pairwise(crowd))
        many(FollowRequest(requester=p, target=alice) for p in crowd)
        many(FollowRequest(requester=a, target=b) for a, b in pairwise(crowd))
        many(Mute(muter=alice, muted=p) for p in crowd[:200])
        many(Block(blocker=alice, blocked=p) for p in crowd[1000:1200])
        many(Block(blocker=a, blocked=b) for a, b in zip(crowd, crowd[2:], strict=False))
        many(Mute(muter=a, muted=b) for a, b in zip(crowd, crowd[2:], strict=False))
        writers = [alice, *crowd[:99]]
        many(Post(id=new_id(), author=writers[n % 100], status="published") for n in range(6000))
        tag = Tag.objects.create(name="husum")
        ids = list(Post.objects.values_list("pk", flat=True)[:2000])
        many(PostTag(post_id=pk, tag=tag, position=0) for pk in ids)
        analyze(
            "accounts_user",
            "social_follow",
            "social_followrequest",
            "social_block",
            "social_mute",
            "content_post",
            "content_posttag",
            "content_tag",
        )
        return crowd

    def test_every_list_uses_an_index_and_no_sort(self, crowd, alice):
        """One test of six questions: the rows take longer to make than to ask."""
        self._each_list_is_served_by_its_index_without_a_sort(crowd, alice)
        self._ones_sessions(crowd, alice)
        self._suggestions_look_at_a_bounded_number_of_people(crowd, alice)
        self._an_authors_posts(crowd, alice)
        self._a_tags_posts(crowd, alice)
        self._the_feed_seeks_once_for_each_person_followed(crowd, alice)

    def page(self, queryset):
        return queryset.order_by("-id")[:21]

    def _each_list_is_served_by_its_index_without_a_sort(self, crowd, alice):
        me = alice.pk
        plans = {
            "followers_newest_first": self.page(social.followers_of(me, viewer_id=me)),
            "following_newest_first": self.page(social.followed_by(me, viewer_id=me)),
            "requests_newest_first": self.page(social.requests_to(me)),
            "mutes_newest_first": self.page(social.muted_by(me)),
            "blocks_newest_first": self.page(social.blocked_by(me)),
        }
        for index, queryset in plans.items():
            plan = explain(queryset)
            assert index in indexes_used(plan), (index, plan)
            assert not [node for node in nodes(plan) if node["Node Type"] == "Sort"], index
            # Beside these, the people whom the viewer blocks may be read into a hash table.
            assert rows_read(plan, ignored="social_block") < 100, index

    def _ones_sessions(self, crowd, alice):
        until = timezone.now() + timedelta(days=1)
        many(Session(user=person, expires_at=until) for person in [*crowd, *[alice] * 40])
        analyze("accounts_session")
        plan = explain(self.page(Session.objects.owned_by(alice.pk).live()))
        assert not [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
        assert rows_read(plan) <= 40

    def _suggestions_look_at_a_bounded_number_of_people(self, crowd, alice):
        params = {"viewer": alice.pk, "count": None, "user": None, "limit": 21}
        plan = explain_kept(load("social/suggestions", visible=reads.VISIBLE_IDS.sql(viewer=alice.pk)), params)
        follows = [node for node in nodes(plan) if node.get("Relation Name") == "social_follow"]
        assert not [node for node in follows if node["Node Type"] == "Seq Scan"]

    def _an_authors_posts(self, crowd, alice):
        plan = explain(self.page(Post.objects.visible_to(crowd[5].pk).written_by(alice.pk)))
        assert indexes_used(plan) & {"posts_by_author", "shown_posts_by_author"}
        # Those of the page, and what is not for everybody among them.
        assert rows_read(plan) <= 70

    def _a_tags_posts(self, crowd, alice):
        plan = explain(self.page(Post.objects.visible_to(crowd[5].pk).published().tagged("husum")))
        assert "posts_of_tag_newest_first" in indexes_used(plan) or rows_read(plan) < 500
        assert not [n for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "content_post"]

    def _the_feed_seeks_once_for_each_person_followed(self, crowd, alice):
        params = {"viewer": alice.pk, "before": None, "limit": 21}
        plan = explain_kept(timeline.newest_posts_sql(alice.pk), params)
        assert "shown_posts_by_author" in indexes_used(plan)
        assert not [n for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Relation Name"] == "content_post"]
