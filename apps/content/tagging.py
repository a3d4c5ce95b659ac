"""The tags of a post: rows that say what its caption says."""

from uuid import UUID

from apps.content.models import Post, PostTag
from apps.core.db.ids import new_id
from apps.core.db.statements import select

_ENSURE = """
WITH made AS (
    INSERT INTO content_tag (id, name) SELECT * FROM unnest(%(ids)s::uuid[], %(names)s::text[]) ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM made
"""
# The tags of `post`, SQL for its id in what is joined by `source`, as far as there are such tags; in the order of the
# names.
ADDING = """
    INSERT INTO content_posttag (post_id, tag_id, position)
    SELECT {post}, tag.id, said.place - 1
    FROM {source} unnest(%(tags)s::text[]) WITH ORDINALITY AS said (name, place) JOIN content_tag AS tag USING (name)
    ON CONFLICT DO NOTHING RETURNING 1
"""
_ADD = f"WITH added AS ({ADDING.format(post='%(post)s::uuid', source='')}) SELECT count(*) FROM added"  # noqa: S608  (of constants)


def ensure(names: list[str]) -> None:
    """There is a tag of each name, for statements that begin afterwards: one that somebody is just making is waited
    for, in the order of the names."""
    select(_ENSURE, ids=[new_id() for _ in names], names=sorted(names))


def add(post_id: UUID, names: list[str]) -> None:
    """Those that it has not yet. Call it in the transaction that writes the caption."""
    if names:
        ensure(names)
        select(_ADD, post=post_id, tags=names)


def note_tags(post: Post, names: list[str]) -> None:
    """Instead of those that it had. Call it in the transaction that writes the caption, with the post's row locked."""
    PostTag.objects.filter(post=post).delete()
    add(post.pk, names)
