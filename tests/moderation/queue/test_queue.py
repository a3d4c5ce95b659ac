"""The queue: its order, its page and its queries."""

from decimal import Decimal

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.moderation import services
from apps.moderation.cases import claims, reads
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Category, Flag, OpenCase
from tests.factories import CommentFactory, PostFactory, UserFactory, many
from tests.moderation.people import make_moderator
from tests.moderation.queue.helpers import QUEUE, browser, case_of, earlier_reports, report
from tests.plans import explain, indexes_used, nodes, rows_read

FLAGS = "moderation_flag"
pytestmark = pytest.mark.django_db


def order():
    return [row.target_id for row in reads.list_cases()]


def test_every_category_has_its_own_weight():
    for category in Category:
        report(PostFactory(author=UserFactory()), category=category)
    assert len({case.severity for case in reads.list_cases()}) == len(Category)


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ({"category": "self_harm"}, {"category": "spam"}),
        ({"reporters": 3}, {"reporters": 1}),
        ({"followers": 4000}, {"followers": 3}),
        ({"likes": 900}, {"likes": 0}),
        ({"resolved": 8}, {"dismissed": 8}),
        ({"resolved": 8}, {}),
        ({}, {"dismissed": 8}),
        ({"category": "self_harm"}, {"category": "spam", "reporters": 4}),
        ({"category": "spam", "reporters": 4, "resolved": 8}, {"category": "harassment", "dismissed": 8}),
    ],
)
def test_more_severe_case_comes_first(worse, better):
    def make(*, category="spam", reporters=1, followers=0, likes=0, resolved=0, dismissed=0):
        post = PostFactory(author=UserFactory(follower_count=followers), like_count=likes)
        for _ in range(reporters):
            reporter = UserFactory()
            earlier_reports(reporter, resolved=resolved, dismissed=dismissed)
            report(post, by=reporter, category=category)
        return post.pk

    second, first = make(**better), make(**worse)
    assert order() == [first, second]
    Flag.objects.filter(status="open").delete()
    first, second = make(**worse), make(**better)
    assert order() == [first, second]


def test_severity_follows_the_formula():
    post = PostFactory(author=UserFactory(follower_count=90), like_count=9)
    trusted, distrusted = UserFactory(), UserFactory()
    earlier_reports(trusted, resolved=2)
    earlier_reports(distrusted, dismissed=2)
    report(post, by=trusted, category="spam")
    report(post, by=distrusted, category="hate")
    row = reads.list_cases()[0]
    # hate (7) × (3/4 + 1/4) × (1 + log10(100))
    assert row.severity == Decimal(21)
    assert (row.category, row.reporters, row.target_type) == ("hate", 2, "post")


def test_open_reports_of_a_target_are_one_case(alice, mod):
    post = PostFactory(author=alice)
    comment = CommentFactory(post=post, author=alice)
    for row in (alice, post, comment):
        report(row)
        report(row)
    assert len(reads.list_cases()) == 3
    for flag in Flag.objects.filter(target_id=post.pk):
        services.resolve_flag(flag, by=mod, resolution="dismissed")
    assert set(order()) == {alice.pk, comment.pk}


def test_deleted_reporter_counts_as_a_new_one(alice):
    report(alice)
    Flag.objects.update(reporter=None)
    assert reads.list_cases()[0].severity == Decimal(1)  # spam (2) × 1/2 × 1


def test_pages_of_the_queue_do_not_overlap(mod, settings):
    for _ in range(7):
        report(PostFactory(author=UserFactory()))
    whole, seen, after = order(), [], None
    while rows := reads.list_cases(limit=3, after=after):
        seen += [row.target_id for row in rows]
        after = (rows[-1].severity, rows[-1].first_flag_id)
    assert seen == whole
    assert len(set(seen)) == 7


def test_queue_shows_author_text_reports_and_claim(mod, alice, carol, django_assert_max_num_queries):
    post = PostFactory(author=alice, caption="<script>alert(1)</script>", sensitive=True)
    remark = CommentFactory(post=post, author=carol, text="<img src=x onerror=alert(1)>")
    for row in (post, post, remark, alice):
        report(row, note="<script>alert(2)</script>")
    second = make_moderator("second")
    claims.take(Target.of(remark), by=second)
    client = browser(mod)
    with django_assert_max_num_queries(12):
        page = client.get(QUEUE)
    text = page.content.decode()
    assert page.status_code == 200
    assert text.count("pg-sensitive") == 2  # the post, and the post that the comment is on
    for shown in (
        "2 reporters",
        "@alice",
        "@carol",
        "@second is working on this",
        case_of(post),
        "&lt;script&gt;alert(1)",
    ):
        assert shown in text, shown
    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_queue_filters_by_category_across_pages(mod, alice, monkeypatch):
    monkeypatch.setattr(reads, "PAGE", 2)
    for _ in range(5):
        report(PostFactory(author=alice), category="hate")
    spam = PostFactory(author=alice)
    report(spam)
    client, seen, path = browser(mod), [], f"{QUEUE}?category=hate"
    while path:
        context = client.get(path).context
        seen += [row["case"].target_id for row in context["rows"]]
        path = f"{QUEUE}?category=hate&after={context['after']}" if context["after"] else ""
    assert len(seen) == len(set(seen)) == 5
    assert spam.pk not in seen


@pytest.mark.parametrize("after", ["x", "1:2", "NaN:019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10", "Infinity:x", "1:"])
def test_invalid_position_is_the_start_of_the_queue(mod, alice, after):
    report(alice)
    page = browser(mod).get(QUEUE, {"after": after, "category": "none"})
    assert [row["case"].target_id for row in page.context["rows"]] == [alice.pk]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)  # VACUUM takes no part in a transaction
def test_queue_reads_only_open_reports_by_index():
    people = many(User(handle=f"p{n:05}", email=f"p{n}@example.org", password="!") for n in range(2000))
    posts = many(Post(id=new_id(), author=people[n], status="published") for n in range(1500))
    quiet = people[1800:]
    many(
        Flag(
            id=new_id(),
            reporter=quiet[n % 200],
            target_type="user",
            target_id=people[n % 1500].pk,
            subject=people[n % 1500],
            category="spam",
            status="dismissed",
            resolved_at="2026-01-01T00:00:00Z",
        )
        for n in range(20000)
    )
    many(
        Flag(
            id=new_id(),
            reporter=people[(n + 37 * (n // 1500) + 1) % 1500],
            target_type="post",
            target_id=posts[n % 1500].pk,
            subject=posts[n % 1500].author,
            category="hate" if n % 3 else "spam",
        )
        for n in range(4000)
    )
    with connection.cursor() as cursor:
        for table in ("moderation_flag", "accounts_user", "content_post", "engagement_comment", "moderation_claim"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    plan = explain(OpenCase.objects.with_details().order_by("-severity", "first_flag_id")[:50])
    # Of two indexes of the open reports the planner takes the covering one where a vacuum was let finish.
    of_open = {"open_flags_by_target", "one_open_flag_per_reporter_and_target"}
    assert of_open & indexes_used(plan)
    assert "closed_flags_by_reporter" in indexes_used(plan)
    assert not [node for node in nodes(plan) if (node["Node Type"], node.get("Relation Name")) == ("Seq Scan", FLAGS)]
    assert rows_read(plan) <= 4000
