"""What the console's pages cost: `python -m devstack exec -- python -m bench.console [--rounds N]` (`make
bench-console`), beside a running stack, or with `--rows N` in an empty database that is filled first.

Opens every page of moderation and every list of the console as an administrator, lists as they are, searched and
filtered, and the page of their newest row; prints for each the statements and the milliseconds (median, in this
process: views, templates and database, without the network). Exits with 1 if a page asks more than 12 statements or
takes 300 ms or more, but for the transparency report, which counts a whole year. What it makes is undone.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("LOG_LEVEL", "WARNING")
django.setup()

from django.contrib import admin  # noqa: E402  (the settings come first)
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client, override_settings  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402
from django.urls import reverse  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from apps.accounts.models import User  # noqa: E402
from apps.console.base import ReadOnlyAdmin  # noqa: E402
from apps.content.models import Post  # noqa: E402
from apps.moderation.models import Flag  # noqa: E402
from bench.search import _FILL as PEOPLE_AND_POSTS  # noqa: E402

STATEMENTS, MILLISECONDS, WARMING = 12, 300, 1
# As many as there are posts, each with the id of one; of what is open, about as much as a busy team has.
_OTHERS = """
CREATE TEMPORARY TABLE each_one AS
SELECT post.id, post.author_id, row_number() OVER (ORDER BY post.id) AS n,
       (SELECT id FROM accounts_user WHERE email = '1@example.org') AS first_id
FROM content_post AS post;
CREATE TEMPORARY TABLE each_person AS
SELECT id, first_id FROM accounts_user,
    (SELECT id AS first_id FROM accounts_user WHERE email = '1@example.org') AS first WHERE email <> '1@example.org';
INSERT INTO engagement_like (id, post_id, user_id) SELECT id, id, first_id FROM each_one;
INSERT INTO engagement_save (id, post_id, user_id) SELECT id, id, first_id FROM each_one;
INSERT INTO engagement_comment (id, post_id, author_id, text, like_count, reply_count)
SELECT id, id, author_id, 'What light!', 0, 0 FROM each_one;
INSERT INTO social_follow (id, follower_id, followed_id) SELECT id, id, first_id FROM each_person;
INSERT INTO social_followrequest (id, requester_id, target_id) SELECT id, id, first_id FROM each_person;
INSERT INTO social_block (id, blocker_id, blocked_id) SELECT id, id, first_id FROM each_person;
INSERT INTO social_mute (id, muter_id, muted_id) SELECT id, id, first_id FROM each_person;
INSERT INTO accounts_session (id, user_id, device_name, user_agent, nonce, generation, expires_at, end_reason)
SELECT id, author_id, 'telephone', '', 'x', 0, now() + interval '30 days', '' FROM each_one;
INSERT INTO accounts_withheldhandle (id, handle, until) SELECT id, 'gone' || n, now() FROM each_one;
INSERT INTO accounts_dataexport (id, attempts, user_id, status, secret, error)
SELECT id, 1, author_id, 'expired', '', '' FROM each_one;
INSERT INTO media_media (id, owner_id, purpose, status, alt_text, content_type, bytes, sha256, original_key,
    original_etag, blurhash, dominant_color, variants, private_secret, public_secret, wanted_public, urls_revoked,
    error_code, error_detail, attempts, in_use, width, height)
SELECT id, author_id, 'post', 'ready', '', 'image/jpeg', 1, '', 'k' || n, '', '', '', '[]', 's', '', false, false, '',
    '', 1, true, 1, 1 FROM each_one;
INSERT INTO media_doomedobject (id, bucket, key, attempts) SELECT id, 'photographs', 'k' || n, 0 FROM each_one;
INSERT INTO moderation_flag (id, target_type, target_id, subject_id, category, note, status, resolution_note,
    reporter_id, resolved_at)
SELECT id, 'post', id, author_id, 'spam', '', CASE WHEN n % 100 = 0 THEN 'open' ELSE 'dismissed' END, '', first_id,
    CASE WHEN n % 100 = 0 THEN NULL ELSE now() END FROM each_one;
INSERT INTO moderation_moderationaction (id, actor_id, action, target_type, target_id, affected_id, reason, category,
    created_at)
SELECT id, first_id, 'takedown', 'post', id, author_id, 'Sells watches.', 'spam', now() - n * interval '1 minute'
FROM each_one;
INSERT INTO moderation_appeal (id, action_id, appellant_id, text, status, note, decided_by_id, decided_at)
SELECT id, id, author_id, 'They are paintings.', CASE WHEN n % 1000 = 0 THEN 'open' ELSE 'upheld' END, '',
    CASE WHEN n % 1000 = 0 THEN NULL ELSE first_id END, CASE WHEN n % 1000 = 0 THEN NULL ELSE now() END FROM each_one;
INSERT INTO moderation_staffact (id, actor_id, act, subject_type, subject_id, reason, detail, created_at)
SELECT id, first_id, 'read_email', 'accounts.User', author_id::text, 'A stolen account.', '{}', now() FROM each_one;
INSERT INTO notifications_notification (id, recipient_id, type, statement, in_app, latest, post_id)
SELECT id, author_id, 'comment', '', true, id, id FROM each_one;
INSERT INTO notifications_act (id, notification_id, recipient_id, actor_id, cause)
SELECT id, id, author_id, first_id, id FROM each_one;
INSERT INTO notifications_delivery (id, act_id, channel, status, attempts, error)
SELECT id, id, 'email', CASE WHEN n % 1000 = 0 THEN 'failed' ELSE 'sent' END, 1, '' FROM each_one;
"""


def fill(rows: int) -> None:
    call_command("migrate", verbosity=0)
    numbers = {"people": rows, "posts": rows}
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for statement in filter(str.strip, (PEOPLE_AND_POSTS + _OTHERS).split(";\n")):
            cursor.execute(statement, {name: n for name, n in numbers.items() if f"%({name})s" in statement} or None)
        cursor.execute("VACUUM ANALYZE")


def moderation_pages() -> Iterator[str]:
    """The pages of moderation."""
    for name in ("flag_queue", "search", "appeals", "audit", "dashboard", "workload", "transparency"):
        yield reverse(f"admin:moderation_{name}")
    person, post = User.objects.order_by("-post_count").first(), Post.objects.order_by("-like_count").first()
    flag = Flag.objects.filter(status="open").order_by("id").first()
    if person and post:
        yield reverse("admin:moderation_search") + f"?q={person.handle}"
        yield reverse("admin:moderation_person", args=[person.pk])
        yield reverse("admin:moderation_flag_author", args=[person.pk])
        yield reverse("admin:moderation_post", args=[post.pk])
        yield reverse("admin:moderation_flag_case", args=["post", post.pk])
    if flag:
        yield reverse("admin:moderation_flag_case", args=[flag.target_type, flag.target_id])


def pages() -> Iterator[str]:
    yield reverse("admin:index")
    yield from moderation_pages()
    handle = User.objects.order_by("id").values_list("handle", flat=True).first()
    for model, page in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        path = reverse(f"{name}_changelist")
        yield path
        if isinstance(page, ReadOnlyAdmin) and page.searched_people:
            yield f"{path}?q={handle}"
        if model is User:
            yield f"{path}?state__exact=suspended"
            yield f"{path}?p=100"
        newest = model._default_manager.order_by("-pk").first()
        if newest:
            yield reverse(f"{name}_change", args=[newest.pk])


def measured(browser: Client, path: str, rounds: int) -> tuple[int, float, int]:
    """Statements, milliseconds, status."""
    times, asked, status = [], 0, 0
    for number in range(WARMING + rounds):
        begun = time.perf_counter()
        status = browser.get(path).status_code
        if number >= WARMING:
            times.append((time.perf_counter() - begun) * 1000)
    with CaptureQueriesContext(connection) as captured:
        browser.get(path)
        asked = len(captured)
    return asked, statistics.median(times), status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--rows",
        type=int,
        default=0,
        help="fill an empty database with so many people, posts and what hangs on them first",
    )
    options = parser.parse_args()
    if options.rows:
        fill(options.rows)
    table, slow = Table("page", "status", "statements", "ms"), []
    with transaction.atomic(), override_settings(ALLOWED_HOSTS=["testserver"], STAFF_TWO_FACTOR="optional"):
        browser = Client()
        browser.force_login(User.objects.create_superuser("bench.console", "bench.console@example.org", "-"))
        for path in pages():
            asked, milliseconds, status = measured(browser, path, options.rounds)
            table.add_row(path, str(status), str(asked), f"{milliseconds:.0f}")
            is_slow = milliseconds >= MILLISECONDS and path != reverse("admin:moderation_transparency")
            if asked > STATEMENTS or is_slow or status not in {200, 302}:
                slow.append(path)
        transaction.set_rollback(True)
    Console(width=160).print(table)
    if slow:
        print(f"Over {STATEMENTS} statements or {MILLISECONDS} ms: {slow}", file=sys.stderr)
    return bool(slow)


if __name__ == "__main__":
    sys.exit(main())
