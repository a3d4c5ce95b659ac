"""Whom captions and comments mention: people in good standing, without a block either way between them and the author.

A mention widens nobody's sight.
"""

from collections.abc import Iterator
from uuid import UUID

from apps.accounts.models import User
from apps.content.captions import Mentioned
from apps.core.errors import Invalid
from apps.social.blocks import between

MAX_MENTIONS = 20


def require_few(mentioned: list[Mentioned], *, field: str) -> None:
    """Raises Invalid for more than MAX_MENTIONS in the text of `field`."""
    if len(mentioned) > MAX_MENTIONS:
        raise Invalid(**{field: ("too_many_mentions", f"At most {MAX_MENTIONS} mentions.")})


def people_mentioned(mentioned: list[Mentioned], *, author_id: UUID) -> Iterator[tuple[UUID, Mentioned]]:
    """Those of `mentioned` that name somebody whom the author may mention, and whom."""
    if not mentioned:
        return
    standing = User.objects.standing().filter(handle__in={mention.handle for mention in mentioned})
    people = dict(standing.exclude(between("id", author_id)).values_list("handle", "pk"))
    for mention in mentioned:
        if mention.handle in people:
            yield people[mention.handle], mention
