"""Comments for templates: the representation of the API, with the text as HTML and what the viewer may do."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from apps.engagement import reads
from apps.engagement.api.serializers import serialize_comment
from apps.engagement.reads import CommentRow
from apps.web.posts import link_text


def present_comment(row: CommentRow, viewer_id: UUID | None, *, post_author_id: UUID) -> dict[str, Any]:
    comment = serialize_comment(row, viewer_id)
    comment["text_html"] = link_text(comment["text"], [] if comment["removed"] else row.mentions)
    author_id = comment["author"] and comment["author"]["id"]
    comment["is_own"] = viewer_id is not None and author_id == viewer_id
    comment["may_delete"] = not comment["removed"] and viewer_id in {author_id, post_author_id}
    return comment


def present_comments(ids: Iterable[UUID], viewer_id: UUID | None, *, post_author_id: UUID) -> list[dict[str, Any]]:
    """The comments of a page of a list, in the order of `ids`, without those that are not listed any more."""
    wanted = list(ids)
    rows = reads.comments(wanted, viewer_id)
    return [present_comment(rows[pk], viewer_id, post_author_id=post_author_id) for pk in wanted if pk in rows]
