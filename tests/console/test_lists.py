"""Lists of any length: their queries use indexes and are bounded."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.accounts.models import User
from apps.console import paging
from apps.console.paging import BoundedPaginator
from apps.engagement.models import Like
from tests.console.codes import sign_in
from tests.factories import PostFactory, UserFactory
from tests.plans import analyze, explain_sql, nodes

pytestmark = pytest.mark.django_db
MANY = 20_000
BIG = {"accounts_user", "content_post", "engagement_comment", "engagement_like", "media_media", "social_follow"}
# Version 7, in the order of the numbers.
ID = "(lpad(to_hex(1790000000000 + n), 12, '0') || '7000' || '8' || substr(md5('{}' || n), 1, 15))::uuid"
FILL = f"""
INSERT INTO accounts_user (id, password, is_superuser, handle, email, display_name, bio, website, locale, is_private,
    is_verified, settings, state, suspension_reason, is_staff, follower_count, following_count, post_count)
SELECT {ID.format("u")}, '!', false, 'p' || n, n || '@example.org', 'Zoë ' || md5(n::text), '', '', 'en', n % 10 = 0,
    n % 5000 = 0, '{{}}', CASE WHEN n % 4000 = 0 THEN 'suspended' ELSE 'active' END, '', false, n % 1000, 0, 0
FROM generate_series(1, {MANY}) AS n;
INSERT INTO content_post (id, author_id, caption, visibility, status, sensitive, comments_enabled, like_count,
    comment_count, taken_down_at)
SELECT {ID.format("p")}, (SELECT id FROM accounts_user WHERE handle = 'p' || 1 + n % 5000), 'Low tide',
    CASE WHEN n % 10 = 0 THEN 'followers' ELSE 'public' END,
    CASE WHEN n % 4000 = 0 THEN 'failed' ELSE 'published' END, n % 4000 = 1, true, 0, 0,
    CASE WHEN n % 4000 = 2 THEN now() END
FROM generate_series(1, {MANY}) AS n;
INSERT INTO engagement_comment (id, post_id, author_id, text, like_count, reply_count, taken_down_at)
SELECT {ID.format("c")}, (SELECT id FROM content_post LIMIT 1 OFFSET n % 7),
    (SELECT id FROM accounts_user WHERE handle = 'p' || 1 + n % 5000), 'Nice', 0, 0,
    CASE WHEN n % 4000 = 0 THEN now() END
FROM generate_series(1, {MANY}) AS n;
INSERT INTO engagement_like (id, post_id, user_id)
SELECT {ID.format("l")}, post.id, (SELECT id FROM accounts_user WHERE handle = 'p77')
FROM (SELECT id, row_number() OVER () AS n FROM content_post) AS post;
INSERT INTO media_media (id, owner_id, purpose, status, alt_text, content_type, bytes, sha256, original_key,
    original_etag, blurhash, dominant_color, variants, private_secret, public_secret, wanted_public, urls_revoked,
    error_code, error_detail, attempts, in_use, width, height)
SELECT {ID.format("m")}, (SELECT id FROM accounts_user WHERE handle = 'p78'), 'post',
    CASE WHEN n % 4000 = 0 THEN 'failed' ELSE 'ready' END, '', 'image/jpeg', 1, '', 'k' || n, '', '', '', '[]', 's', '',
    false, false, CASE WHEN n % 4000 = 0 THEN 'broken' ELSE '' END, '', 0, true, 1, 1
FROM generate_series(1, {MANY}) AS n;
INSERT INTO social_follow (id, follower_id, followed_id)
SELECT {ID.format("f")}, person.id, (SELECT id FROM accounts_user WHERE handle = 'p79')
FROM (SELECT id, row_number() OVER () AS n FROM accounts_user WHERE handle <> 'p79') AS person;
"""
LISTS = {
    "accounts.User": [
        "",
        "q=p77",
        "q=p77@example.org",
        "q=zoe c4",
        "q=nobody at all",
        "q=01a20e48-e31a-7015-b88b-3777a0766601",
        "state__exact=suspended",
        "state__exact=active",
        "is_verified__exact=1",
        "is_staff__exact=1",
        "is_private__exact=1",
        "o=2.-4",
        "p=150",
    ],
    "content.Post": [
        "",
        "q=p77",
        "q=nobody",
        "status__exact=failed",
        "sensitive__exact=1",
        "taken_down_at__isempty=0",
        "visibility__exact=public",
        "visibility__exact=followers",
        "author__exact={p77}",
    ],
    "engagement.Comment": ["", "q=p1", "q=nobody", "taken_down_at__isempty=0", "author__exact={p77}"],
    "engagement.Like": ["", "q=p77", "q=nobody", "user__exact={p77}"],
    "media.Media": ["", "q=p78", "status__exact=failed", "error_code__isempty=0", "owner__exact={p78}"],
    "social.Follow": ["", "q=p79", "q=nobody", "followed__exact={p79}"],
}


@pytest.fixture
def browser(db):
    with connection.cursor() as cursor:
        # Filling tables may take longer than a page may.
        cursor.execute("SET LOCAL statement_timeout = 0")
        for statement in filter(str.strip, FILL.split(";\n")):
            cursor.execute(statement)
            # The next one looks things up in what this one has filled.
            analyze(*BIG)
        cursor.execute("SET LOCAL statement_timeout = '15s'")
    return sign_in(UserFactory(handle="root", is_staff=True, is_superuser=True))


@pytest.mark.slow
def test_no_list_page_scans_a_table(browser):
    """Twenty thousand rows behind each list, and never more than about half of them read: as many as are counted."""
    ids = dict(User.objects.filter(handle__in=["p77", "p78", "p79"]).values_list("handle", "pk"))
    strays = []
    for label, queries in LISTS.items():
        path = reverse(f"admin:{label.replace('.', '_').lower()}_changelist")
        for query in queries:
            with CaptureQueriesContext(connection) as asked:
                page = browser.get(f"{path}?{query.format(**ids)}")
            assert page.status_code == 200, (label, query)
            assert len(asked) <= 12
            strays += [(label, query, stray) for stray in map(too_much, asked.captured_queries) if stray]
    assert not strays


def too_much(captured):
    """What a statement does that grows with the table; None if nothing."""
    sql = captured["sql"]
    if not (sql or "").startswith("SELECT") or not any(f'"{table}"' in sql for table in BIG):
        return None
    steps = nodes(explain_sql(sql.replace("%", "%%"), []))
    read = max(int((s["Actual Rows"] + s.get("Rows Removed by Filter", 0)) * s["Actual Loops"]) for s in steps)
    # A count stops at its bound, wherever it reads.
    bounded = f"LIMIT {paging.COUNTED + 1}" in sql
    scanned = [s["Relation Name"] for s in steps if s["Node Type"] == "Seq Scan" and s["Relation Name"] in BIG]
    if read > paging.COUNTED * 1.2 or (scanned and not bounded):
        return read, scanned, sql
    return None


@pytest.mark.slow
def test_totals_are_estimated_and_filtered_counts_limited(browser):
    path = reverse("admin:accounts_user_changelist")
    assert re.search(r"about 20,0\d\d people", browser.get(path).text)
    assert "more than 10,000 people" in browser.get(path, {"state__exact": "active"}).text
    assert re.search(r">\s*5 people", browser.get(path, {"state__exact": "suspended"}).text)
    assert browser.get(path, {"p": 200}).status_code == 200
    assert browser.get(path, {"p": 201}).status_code == 302


def test_small_tables_are_counted(alice, bob):
    analyze("accounts_user")
    pages = BoundedPaginator(User.objects.order_by("-id"), 50)
    assert (pages.in_words, pages.num_pages) == ("2", 1)
    assert BoundedPaginator(User.objects.none(), 50).in_words == "0"


# ── Links ────────────────────────────────────────────────────────────────────────────────────────────────
def test_pages_of_users_and_their_content_link_to_each_other(alice, bob):
    post = PostFactory(author=alice)
    Like.objects.create(post=post, user=bob)
    browser = sign_in(UserFactory(handle="root", is_staff=True, is_superuser=True))
    person = browser.get(reverse("admin:accounts_user_change", args=[alice.pk])).text
    posts = f"{reverse('admin:content_post_changelist')}?author__exact={alice.pk}"
    assert posts in person
    listed = browser.get(posts).text
    assert reverse("admin:content_post_change", args=[post.pk]) in listed
    assert reverse("admin:accounts_user_change", args=[alice.pk]) in listed
    likes = f"{reverse('admin:engagement_like_changelist')}?post__exact={post.pk}"
    assert likes in browser.get(reverse("admin:content_post_change", args=[post.pk])).text
    assert reverse("admin:accounts_user_change", args=[bob.pk]) in browser.get(likes).text


def test_every_link_between_lists_works(alice):
    browser = sign_in(UserFactory(handle="root", is_staff=True, is_superuser=True))
    for page in admin.site._registry.values():
        for title, label, lookup in getattr(page, "related", ()):
            path = reverse(f"admin:{label.replace('.', '_').lower()}_changelist")
            answer = browser.get(path, {f"{lookup}__exact": alice.pk})
            assert answer.status_code == 200, (page, title)


def test_links_are_shown_only_to_staff_who_may_open_them(mod, alice):
    page = sign_in(mod).get(reverse("admin:accounts_user_change", args=[alice.pk])).text
    assert reverse("admin:content_post_changelist") + "?author" in page
    assert reverse("admin:accounts_session_changelist") not in page
    assert reverse("admin:social_block_changelist") not in page
