"""The statements of `apps/*/sql/*.sql`, with the SQL that their slots get, for tests of all of them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import connection

from apps.core.db.queries import load
from apps.engagement import reads as engagement
from apps.feed import explore, timeline
from apps.notifications import reads as notifications
from apps.search import reads as search
from apps.social import reads as social

ROOT = Path(__file__).resolve().parents[1]
VIEWER = UUID(int=1)
NAMES = sorted(f"{file.parts[-3]}/{file.stem}" for file in ROOT.glob("apps/*/sql/*.sql"))

# {statement: its slots}; a file without slots needs no entry.
SLOTS: dict[str, Callable[[], dict[str, str]]] = {
    "engagement/posts": lambda: (
        {"visible": engagement.VISIBLE_POSTS.sql(viewer=VIEWER)} | engagement.shared_slots(VIEWER)
    ),
    "engagement/comments": lambda: (
        {"visible": engagement.LISTED_COMMENTS.sql(viewer=VIEWER)} | engagement.shared_slots(VIEWER)
    ),
    "feed/first_page": lambda: timeline.slots(VIEWER),
    "feed/newest_posts": lambda: timeline.slots(VIEWER),
    "feed/score_posts": lambda: {"posts": explore.SHOWABLE.sql()},
    "notifications/notifications": lambda: {
        "readable": notifications.readable(False, None).sql(viewer=VIEWER),
        "events": notifications.VISIBLE_EVENTS.sql(viewer=VIEWER),
    },
    "search/people": lambda: {"visible": search.VISIBLE.sql(viewer=VIEWER)},
    "social/profiles": lambda: {"visible": social.VISIBLE_PROFILES.sql(viewer=VIEWER)},
    "social/suggestions": lambda: {"visible": social.VISIBLE_IDS.sql(viewer=VIEWER)},
    "notifications/unread_count": lambda: {"unread": notifications.readable(True, None).sql(viewer=VIEWER)},
}
# Statements of jobs, commands and statistics, which may read whole tables.
COLD = {"feed/score_posts", "moderation/case_context", "moderation/median_case_seconds"}


def generic_plan(name: str) -> dict[str, Any]:
    """The plan that PostgreSQL keeps for the statement, whatever its parameters are."""
    sql = load(name, **SLOTS.get(name, dict)())
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql).replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {numbered}")
        plan = cursor.fetchone()[0]
    return dict((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
