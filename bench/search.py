"""What a search reads among many: `python -m devstack exec --fresh -- python -m bench.search [--people N] [--posts N]`
(`make bench-search`).

Fills an empty database with people, posts and tags by SQL, and asks PostgreSQL for each kind of search how it goes
about it: the time of the statement (median of five, in the database), the most rows that any one step handled, the
indexes it used. Exits with 1 if a search reads one of the big tables from end to end.
"""

import argparse
import json
import os
import statistics
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.core.management import call_command  # noqa: E402  (the settings come first)
from django.db import connection  # noqa: E402
from django.db.models import QuerySet  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from apps.content.models import Post  # noqa: E402
from apps.core.db.queries import load  # noqa: E402
from apps.search import reads  # noqa: E402
from apps.search.querysets import find_posts, find_tags  # noqa: E402

BIG = {"accounts_user", "content_post", "content_posttag"}
ROUNDS = 5
# Version 7, in the order of the numbers.
_ID = (
    "(lpad(to_hex(1790000000000 + n), 12, '0') || '7' || substr(md5(n::text), 1, 3)"
    " || '8' || substr(md5(n::text), 4, 15))::uuid"
)
_FILL = f"""
INSERT INTO accounts_user (id, password, is_superuser, handle, email, display_name, bio, website, locale, is_private,
    is_verified, settings, state, suspension_reason, is_staff, follower_count, following_count, post_count)
SELECT {_ID}, '!', false, 'p' || substr(md5(n::text), 1, 7) || n, n || '@example.org',
    (ARRAY['Zoë','Müller','Ana','Jürgen','Łukasz','Chloé','Sam','Olu'])[1 + n %% 8]
        || ' ' || substr(md5((n * 7)::text), 1, 6),
    '', '', 'en', n %% 10 = 0, false, '{{}}', 'active', '', false, n %% 1000, 0, 0
FROM generate_series(1::bigint, %(people)s) AS n;
INSERT INTO content_tag (id, name, searchable_name)
SELECT {_ID}, name, name FROM (
    SELECT n, 'tag' || lpad(n::text, 5, '0') AS name FROM generate_series(1::bigint, 20000) AS n
) AS tag;
INSERT INTO content_post (id, author_id, caption, words, visibility, status, sensitive, comments_enabled, like_count,
    comment_count, published_at)
SELECT {_ID}, (SELECT id FROM accounts_user WHERE email = (1 + (n * 7919) %% %(people)s) || '@example.org'),
    caption, string_to_array(lower(caption), ' '), 'public', 'published', false, true, 0, 0, now()
FROM (
    SELECT n, CASE WHEN n %% 5 = 0 THEN 'Low tide ' ELSE 'Morning ' END || substr(md5(n::text), 1, 5)
        || CASE WHEN n %% 50000 = 0 THEN ' albatross' ELSE '' END AS caption
    FROM generate_series(1::bigint, %(posts)s) AS n
) AS post;
INSERT INTO content_posttag (post_id, tag_id, position)
SELECT (SELECT id FROM content_post WHERE id = {_ID}),
    (SELECT id FROM content_tag WHERE name = 'tag' || lpad((1 + n %% 20000)::text, 5, '0')), 0
FROM generate_series(1::bigint, %(posts)s) AS n;
"""


def fill(numbers: dict[str, int]) -> None:
    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in filter(str.strip, _FILL.split(";")):
            cursor.execute(statement, {name: n for name, n in numbers.items() if f"%({name})s" in statement} or None)
        cursor.execute("VACUUM ANALYZE")


def searches() -> dict[str, tuple[str, Any]]:
    """{what is searched: (SQL, parameters)}."""
    handle = "p" + "c4ca423"
    found = {
        "people: a handle": _people(f"{handle}1"),
        "people: a beginning": _people("pc4"),
        "people: a name": _people("zoe"),
        "people: a typo": _people("mulelr"),
        "posts: a rare word": _of(find_posts("albatross", viewer_id=None).order_by("-id")[:21]),
        "posts: a common word": _of(find_posts("tide", viewer_id=None).order_by("-id")[:21]),
        "posts: a tag": _of(find_posts("#tag00042", viewer_id=None).order_by("-id")[:21]),
        "tags: a beginning": _of(find_tags("tag001", viewer_id=None).order_by("searched", "plain")[:21]),
    }
    middle = Post.objects.order_by("id").values_list("pk", flat=True)[Post.objects.count() // 2]
    deep = find_posts("tide", viewer_id=None).filter(pk__lt=middle).order_by("-id")[:21]
    return found | {"posts: a common word, deep": _of(deep)}


def _people(query: str) -> tuple[str, Any]:
    return load("search/people", visible=reads.VISIBLE.sql(viewer=None)), {
        "query": query,
        "least_similarity": reads.LEAST_SIMILARITY,
        "rank": None,
        "similarity": None,
        "followers": None,
        "id": None,
        "limit": 21,
    }


def _of(queryset: QuerySet[Any]) -> tuple[str, Any]:
    return queryset.query.sql_with_params()


def measured(sql: str, params: Any) -> tuple[float, dict[str, Any]]:
    """Milliseconds and the plan."""
    plans = []
    with connection.cursor() as cursor:
        for _ in range(ROUNDS):
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
            answer = cursor.fetchone()[0]
            plans.append((answer if isinstance(answer, list) else json.loads(answer))[0])
    return statistics.median(plan["Execution Time"] for plan in plans), plans[0]["Plan"]


def steps(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(step for child in plan.get("Plans", []) for step in steps(child))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=500_000)
    numbers = vars(parser.parse_args())
    fill(numbers)
    table = Table(
        "search", "ms", "rows read", "indexes", title=f"{numbers['people']:,} people, {numbers['posts']:,} posts"
    )
    scanned = set()
    for name, (sql, params) in searches().items():
        milliseconds, plan = measured(sql, params)
        done = steps(plan)
        scanned |= {(name, s["Relation Name"]) for s in done if s["Node Type"] == "Seq Scan"} & {(name, t) for t in BIG}
        rows = max(int(step["Actual Rows"] * step["Actual Loops"]) for step in done)
        indexes = sorted({step["Index Name"] for step in done if "Index Name" in step})
        table.add_row(name, f"{milliseconds:.1f}", f"{rows:,}", ", ".join(indexes))
    Console(width=200).print(table)
    if scanned:
        print(f"Read from end to end: {sorted(scanned)}", file=sys.stderr)
    return bool(scanned)


if __name__ == "__main__":
    sys.exit(main())
