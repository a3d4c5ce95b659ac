"""The statements of the hot paths and of what follows from deeds, among 100,000 people: no scan of a big table, nothing
sorted beyond a page."""

import pytest
from django.db import connection
from django.utils import timezone

from apps.accounts.models import User
from apps.content import publication, querysets
from apps.core.db.ids import new_id
from apps.core.db.queries import load
from apps.engagement import querysets as engagement
from apps.engagement import reads
from apps.engagement.models import Comment, Like
from apps.feed import fanout, timeline
from apps.feed.api.views import POSTS_IN_FEED
from apps.notifications import reads as notifications
from apps.notifications import sync
from apps.search import reads as search
from apps.social import reads as social
from apps.social import services as relationships
from apps.social.models import Follow
from tests import sql_files
from tests.plans import analyze, explain_kept, explain_sql, nodes, rows_read

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
PEOPLE, POSTS = 100_000, 20_000
BIG = {
    "accounts_user",
    "content_post",
    "media_media",
    "content_postmedia",
    "engagement_like",
    "engagement_comment",
    "social_follow",
    "notifications_act",
}


def pk(kind: int, number: str) -> str:
    """SQL: a UUIDv7 of its kind, in the order of the numbers."""
    return f"('{kind:08x}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


PERSON, POST, MEDIUM, COMMENT, LIKE, TOLD, ACT, TIE, FACE = (2, 3, 4, 5, 6, 7, 8, 9, 1)


def people(number: int, *, shown: int) -> str:
    """SQL that makes so many, the first of them, `shown`, with an avatar."""
    return f"""
INSERT INTO accounts_user (id, password, is_superuser, handle, email, display_name, bio, website, locale, is_private,
    is_verified, settings, state, suspension_reason, is_staff, follower_count, following_count, post_count, avatar_id)
SELECT {pk(PERSON, "n")}, '!', false, 'p' || n, n || '@example.org', '', '', '', 'en', n % 10 = 0, false, '{{}}',
    'active', '', false, 0, 0, 0, CASE WHEN n <= {shown} THEN {pk(FACE, "n")} END
FROM generate_series(1, {number}) AS n;"""


def pictures(*, photos: int, owner: str, avatars: int) -> str:
    """SQL that makes so many people's avatars, and after them so many photos, each of person `owner`, SQL of `n`."""
    return f"""
INSERT INTO media_media (id, owner_id, purpose, status, alt_text, content_type, bytes, sha256, original_key,
    original_etag, width, height, blurhash, dominant_color, variants, private_secret, public_secret, wanted_public,
    urls_revoked, error_code, error_detail, attempts, in_use)
SELECT id, owner, purpose, 'ready', '', 'image/jpeg', 1, '', id::text, '', 1, 1, '', '', '[]', 's', '', false, false,
    '', '', 0, true
FROM (
    SELECT {pk(FACE, "n")}, {pk(PERSON, "n")}, 'avatar' FROM generate_series(1, {avatars}) AS n
    UNION ALL SELECT {pk(MEDIUM, "n")}, {pk(PERSON, owner)}, 'post' FROM generate_series(1, {photos}) AS n
) AS picture (id, owner, purpose);"""


FILL = f"""
{people(PEOPLE, shown=POSTS)}
INSERT INTO content_post (id, author_id, caption, visibility, status, sensitive, comments_enabled, like_count,
    comment_count, published_at)
SELECT {pk(POST, "n")}, {pk(PERSON, "150 + 50 * (n % 1997)")}, '',
    CASE WHEN n % 3 = 0 THEN 'followers' ELSE 'public' END, 'published', false, true, 1, 1, now()
FROM generate_series(1, {POSTS}) AS n;
{pictures(photos=POSTS, owner="150 + 50 * (n % 1997)", avatars=POSTS)}
INSERT INTO content_postmedia (post_id, medium_id, position)
SELECT {pk(POST, "n")}, {pk(MEDIUM, "n")}, 0 FROM generate_series(1, {POSTS}) AS n;
INSERT INTO engagement_like (id, post_id, user_id)
SELECT {pk(LIKE, "n")}, {pk(POST, "n")}, {pk(PERSON, "1 + n % 500")} FROM generate_series(1, {POSTS}) AS n;
INSERT INTO engagement_comment (id, post_id, author_id, text, like_count, reply_count)
SELECT {pk(COMMENT, "n")}, {pk(POST, "n / 100 + 1")}, {pk(PERSON, "1 + n % 500")}, 'x', 0, 0
FROM generate_series(1, {POSTS} - 1) AS n;
INSERT INTO social_follow (id, follower_id, followed_id)
SELECT {pk(TIE, "n")}, {pk(PERSON, "1 + n % 100")}, {pk(PERSON, "101 + n / 100")}
FROM generate_series(0, {POSTS} - 1) AS n;
INSERT INTO social_follow (id, follower_id, followed_id)
SELECT {pk(TIE, f"{POSTS} + n")}, {pk(PERSON, "102")}, {pk(PERSON, "1000 + n")} FROM generate_series(1, 3000) AS n;
INSERT INTO social_follow (id, follower_id, followed_id)
SELECT {pk(TIE, f"{2 * POSTS} + n")}, {pk(PERSON, "5000 + n")}, {pk(PERSON, "1")} FROM generate_series(1, {POSTS}) AS n;
INSERT INTO social_block (id, blocker_id, blocked_id)
SELECT {pk(TIE, f"{3 * POSTS} + n")}, {pk(PERSON, "50000 + n")}, {pk(PERSON, "2")} FROM generate_series(1, 500) AS n;
INSERT INTO notifications_notification (id, recipient_id, type, post_id, statement, in_app, latest)
SELECT {pk(TOLD, "n")}, {pk(PERSON, "1 + n % 333")}, 'like', {pk(POST, "n")}, '', true, {pk(TOLD, "n")}
FROM generate_series(1, {POSTS}) AS n;
INSERT INTO notifications_act (id, notification_id, recipient_id, actor_id, cause)
SELECT {pk(ACT, "n")}, {pk(TOLD, "n")}, {pk(PERSON, "1 + n % 333")}, {pk(PERSON, "3000 + n")}, {pk(LIKE, "n")}
FROM generate_series(1, {POSTS}) AS n;
"""


@pytest.fixture
def crowd():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(FILL)
    analyze(*BIG, "notifications_notification", "social_block", "social_mute", "content_posttag", "content_mention")


@pytest.fixture
def plans(crowd):
    viewer, other = User.objects.get(handle="p1"), User.objects.get(handle="p150")
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM content_post ORDER BY id DESC LIMIT 20")
        ids = [row[0] for row in cursor.fetchall()]
        cursor.execute("SELECT id FROM engagement_comment ORDER BY id DESC LIMIT 20")
        comment_ids = [row[0] for row in cursor.fetchall()]
    window = {"viewer": viewer.pk, "after": None, "limit": 21}
    hidden, reader = (User.objects.get(handle=handle).pk for handle in ("p2", "p102"))
    told = load(
        "notifications/notifications",
        readable=notifications.readable(False, None).sql(viewer=viewer.pk),
        events=notifications.VISIBLE_EVENTS.sql(viewer=viewer.pk),
    )
    unread = load("notifications/unread_count", unread=notifications.readable(True, None).sql(viewer=viewer.pk))
    met = social.PROFILE.sql(viewer=viewer.pk, user=None, handle="p150")
    return {
        "posts": (reads.posts_sql(viewer.pk), {"viewer": viewer.pk, "ids": ids}),
        "posts for a viewer whom 500 block": (reads.posts_sql(hidden), {"viewer": hidden, "ids": ids}),
        "posts of the feed": (reads.posts_sql(reader, POSTS_IN_FEED), {"viewer": reader, "ids": ids}),
        "ids of the feed": (timeline.newest_posts_sql(viewer.pk), {"viewer": viewer.pk, "before": ids[5], "limit": 21}),
        "comments": (reads.comments_sql(viewer.pk), {"viewer": viewer.pk, "ids": comment_ids}),
        "comments for a viewer whom 500 block": (reads.comments_sql(hidden), {"viewer": hidden, "ids": comment_ids}),
        "a profile": (met, window | {"handle": "p150"}),
        "profiles": (
            load("social/profiles", visible=social.VISIBLE_PROFILES.sql(viewer=viewer.pk)),
            window | {"ids": [viewer.pk, other.pk]},
        ),
        "notifications": (told, window),
        "notifications of somebody whom 500 have blocked": (
            told,
            window | {"viewer": User.objects.get(handle="p2").pk},
        ),
        "how many are unread": (unread, window),
    } | _writes(viewer, other, ids, comment_ids[0])


def _writes(viewer, other, post_ids, comment_id):
    locked = {"actor": viewer.pk, "person": None, "handle": other.handle}
    pair = {"viewer": viewer.pk, "person": other.pk}
    post = {
        "id": new_id(),
        "author": viewer.pk,
        "caption": "",
        "words": [],
        "visibility": "public",
        "status": "published",
    }
    post |= {"sensitive": False, "comments_enabled": True, "published_at": timezone.now()}
    post |= {"media": [], "tags": ["husum"]}
    seen, comment = {"viewer": viewer.pk, "post": post_ids[0]}, {"viewer": viewer.pk, "comment": comment_id}
    return {
        "two accounts to lock": (relationships.ACCOUNTS_FOR_UPDATE.sql(**locked), locked),
        "a relationship": (relationships.RELATIONSHIP.sql(**pair), pair),
        "a post to lock": (querysets._VISIBLE_LOCKED.sql(**seen), seen),
        "a comment to lock": (engagement._VISIBLE_LOCKED.sql(**comment), comment),
        "a new post": (load("content/insert_post"), post),
    }


def test_hot_statements_scan_no_big_table_and_sort_at_most_a_page(plans):
    """One test of many questions: the rows take longer to make than to ask."""
    for name, (sql, values) in plans.items():
        plan = explain_kept(sql, values)
        scanned = [n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Actual Loops"]]
        assert BIG.isdisjoint(scanned), (name, scanned)
        sorts = [int(n["Actual Rows"] * n["Actual Loops"]) for n in nodes(plan) if n["Node Type"] == "Sort"]
        assert max(sorts, default=0) <= 100, (name, plan)
        assert rows_read(plan) <= 1000, (name, plan)


SEARCHES = {"a prefix": "p15", "a typo": "p1500x", "a name": "zoe"}


def test_search_for_users_reads_a_limited_number_of_rows(crowd):
    viewer = User.objects.get(handle="p2")
    sql = load("search/people", visible=search.VISIBLE.sql(viewer=viewer.pk))
    values = {"viewer": viewer.pk, "limit": 21, "least_similarity": search.LEAST_SIMILARITY}
    values |= dict.fromkeys(["rank", "similarity", "followers", "id"])
    for name, query in SEARCHES.items():
        plan = explain_kept(sql, values | {"query": query})
        scanned = [n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Actual Loops"]]
        assert BIG.isdisjoint(scanned), (name, scanned)
        assert rows_read(plan) <= 1500, (name, plan)


def test_statements_of_sql_files_scan_no_big_table(crowd):
    for name in set(sql_files.NAMES) - sql_files.COLD:
        scanned = {n["Relation Name"] for n in nodes(sql_files.generic_plan(name)) if n["Node Type"] == "Seq Scan"}
        assert BIG.isdisjoint(scanned), (name, scanned)


def _followings():
    """What the queue does for a deed, by name."""
    like, comment, follow = (model.objects.order_by("-id").first() for model in (Like, Comment, Follow))
    return {
        "notifying of a like": lambda: sync.sync_like_notification(like.post_id, like.user_id),
        "notifying of a comment": lambda: sync.sync_comment_notifications(comment.pk),
        "notifying of a follow": lambda: sync.sync_follow_notification(
            follow.follower_id, follow.followed_id, accepted=False
        ),
        "notifying of mentions": lambda: sync.sync_mention_notifications(like.post_id),
        "publishing a post": lambda: publication.settle(like.post_id),
        "pushing a post": lambda: fanout.push(like.post_id, author_id=like.post.author_id, mark=""),
    }


def test_tasks_that_follow_a_write_scan_no_big_table(crowd):
    for name, follow_up in _followings().items():
        asked = []

        def note(execute, sql, params, many, context, asked=asked):
            asked.append((sql, params))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(note):
            follow_up()
        questions = [each for each in asked if each[0].startswith("SELECT")]
        assert questions, name
        for sql, params in questions:
            plan = explain_sql(sql, params)
            scanned = [n["Relation Name"] for n in nodes(plan) if n["Node Type"] == "Seq Scan" and n["Actual Loops"]]
            assert BIG.isdisjoint(scanned), (name, sql)
            assert rows_read(plan) <= 1000, (name, sql)
