"""The tags of a post: rows that say what its caption says."""

from uuid import UUID

from apps.content.models import Post, PostTag, Tag
from apps.core.ids import new_id
from apps.core.statements import select

_ENSURE = """
WITH made AS (
    INSERT INTO content_tag (id, name) SELECT * FROM unnest(%(ids)s::uuid[], %(names)s::text[]) ON CONFLICT DO NOTHING
    RETURNING 1
)
SELECT count(*) FROM made
"""
_ADD = """
WITH added AS (
    INSERT INTO content_posttag (post_id, tag_id, position)
    SELECT %(post)s::uuid, tag.id, said.place - 1
    FROM unnest(%(names)s::text[]) WITH ORDINALITY AS said (name, place) JOIN content_tag AS tag USING (name)
    ON CONFLICT DO NOTHING RETURNING 1
)
SELECT count(*) FROM added
"""


def ensure(names: list[str]) -> None:
    """There is a tag of each name, for statements that begin afterwards: one that somebody is just making is waited
    for, in the order of the names."""
    if names:
        select(_ENSURE, ids=[new_id() for _ in names], names=sorted(names))


def add_missing(post_id: UUID, names: list[str]) -> None:
    """Those that there was no tag for when the post was written. Call it in the transaction that has written it."""
    ensure(names)
    select(_ADD, post=post_id, names=names)


def note_tags(post: Post, names: list[str]) -> None:
    """Instead of those that it had. Call it in the transaction that writes the caption, with the post's row locked."""
    PostTag.objects.filter(post=post).delete()
    ensure(names)
    ids = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    PostTag.objects.bulk_create(
        PostTag(post=post, tag_id=ids[name], position=place) for place, name in enumerate(names)
    )
