"""The read side of engagement."""

from collections.abc import Iterable
from uuid import UUID

from django.db import connection

_MARKS = """
SELECT post.id,
    EXISTS (SELECT 1 FROM engagement_like WHERE user_id = %(viewer)s AND post_id = post.id),
    EXISTS (SELECT 1 FROM engagement_save WHERE user_id = %(viewer)s AND post_id = post.id)
FROM unnest(%(posts)s::uuid[]) AS post (id)
"""


def marks(viewer_id: UUID | None, post_ids: Iterable[UUID]) -> dict[UUID, tuple[bool, bool]]:
    """{post id: (liked, saved)} for the viewer, in one statement; empty for anonymous viewers."""
    posts = list(post_ids)
    if viewer_id is None or not posts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, {"viewer": viewer_id, "posts": posts})
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}
