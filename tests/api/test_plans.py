"""The lists of engagement, notifications and explore on enough rows that a scan would be dearer than the index."""

from datetime import UTC, datetime

import pytest

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.engagement.models import Comment, Like, Save
from apps.feed import explore
from apps.notifications.models import Notification, NotificationEvent
from tests.factories import PostFactory, many
from tests.plans import analyze, explain, indexes_used, nodes, rows_read

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def people(db):
    return many(User(handle=f"busy{n}", email=f"busy{n}@example.org", password="!") for n in range(3000))


@pytest.fixture
def busy(alice, bob, people):
    """A post with thousands of likes and comments; alice likes and saves hundreds of others."""
    writers = [bob, *people[:50]]
    now = datetime.now(UTC)
    posts = many(
        Post(id=new_id(), author=writers[n % 51], status="published", like_count=n % 97, published_at=now)
        for n in range(4000)
    )
    post = PostFactory(author=alice)
    many(Like(post=post, user=person) for person in people[:300])
    many(Like(post=theirs, user=alice) for theirs in posts[:300])
    many(Like(post=posts[n % 4000], user=person) for n, person in enumerate(people))
    many(Save(post=theirs, user=alice) for theirs in posts[:300])
    many(Save(post=posts[n], user=person) for n, person in enumerate(people))
    thread = Comment.objects.create(post=post, author=alice, text="thread")
    many(Comment(post=post, author=person, text="x") for person in people[:1500])
    many(Comment(post=post, author=person, parent=thread, text="x") for person in people[:300])
    many(Comment(post=theirs, author=bob, text="x") for theirs in posts * 3)
    explore.keep_scores()
    analyze(
        "accounts_user",
        "content_post",
        "engagement_like",
        "engagement_save",
        "engagement_comment",
        "feed_explorescore",
    )
    return post, thread


@pytest.fixture
def much_told(alice, people):
    """Alice is told of hundreds of things, and others of thousands."""
    told = many(Notification(recipient=who, type="follow_accepted") for who in [*[alice] * 300, *people * 5])
    many(
        NotificationEvent(notification=one, recipient=one.recipient, actor=people[n % 3000], cause=new_id())
        for n, one in enumerate(told)
    )
    analyze("accounts_user", "notifications_notification", "notifications_act")


def served_by(queryset, index, *, rows=200):
    plan = explain(queryset)
    told = [(n["Node Type"], n.get("Index Name"), n["Actual Rows"], n["Actual Loops"]) for n in nodes(plan)]
    assert index in indexes_used(plan), told
    assert "Sort" not in [node["Node Type"] for node in nodes(plan)], told
    assert rows_read(plan) <= rows, told


def test_list_uses_its_index_and_no_sort(busy, alice):
    post, thread = busy
    comments = Comment.objects.listed_for(alice.pk).on(post.pk)
    served_by(Like.objects.on(post.pk).shown_to(alice.pk).order_by("-id")[:21], "likes_of_post_newest_first")
    served_by(Like.objects.made_by(alice.pk).order_by("-id")[:21], "likes_by_user_newest_first")
    served_by(Save.objects.made_by(alice.pk).order_by("-id")[:21], "saves_by_user_newest_first")
    served_by(comments.threads().order_by("-id")[:21], "threads_newest_first")
    served_by(Comment.objects.listed_for(alice.pk).replies_to(thread.pk).order_by("id")[:21], "replies_oldest_first")
    served_by(explore.popular_posts(None)[:21], "explore_by_score")


def test_notifications_are_read_in_index_order(much_told, alice):
    """The list itself is neither scanned nor sorted. Subqueries for actors and posts may sort small tables."""
    shown = Notification.objects.listed_for(alice.pk)
    lists = {
        "notifications_latest_first": shown,
        "unread_latest_first": shown.unread(),
        "notifications_by_type": shown.filter(type="like"),
    }
    for index, queryset in lists.items():
        plan = explain(queryset.order_by("-latest")[:21])
        own = [node for node in nodes(plan) if node.get("Relation Name") == "notifications_notification"]
        sorts = [node for node in nodes(plan) if node["Node Type"] == "Sort" and own[0] in nodes(node)]
        assert indexes_used(plan) & {index, "notifications_latest_first"}
        assert [node["Node Type"] for node in own] == ["Index Scan"]
        assert not sorts
        assert own[0]["Actual Rows"] <= 21
