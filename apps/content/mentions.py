"""Whom captions and comments mention: people in good standing, without a block either way between them and the author.

A mention widens nobody's sight.
"""

from collections.abc import Iterator
from uuid import UUID

from apps.content.captions import Mentioned
from apps.core.db.statements import select
from apps.core.errors import Invalid
from apps.social.blocks import BLOCKED, MENTIONABLE

MAX_MENTIONS = 20
_PEOPLE = f"""
WITH {BLOCKED}
SELECT person.handle, person.id FROM accounts_user AS person WHERE person.handle = ANY(%(handles)s) AND {MENTIONABLE}
"""  # noqa: S608  (of constants)


def require_few(mentioned: list[Mentioned], *, field: str) -> None:
    """Raises Invalid for more than MAX_MENTIONS in the text of `field`."""
    if len(mentioned) > MAX_MENTIONS:
        raise Invalid(**{field: ("too_many_mentions", f"At most {MAX_MENTIONS} mentions.")})


def people_mentioned(mentioned: list[Mentioned], *, author_id: UUID) -> Iterator[tuple[UUID, Mentioned]]:
    """Those of `mentioned` that name somebody whom the author may mention, and whom."""
    if not mentioned:
        return
    people: dict[str, UUID] = dict(select(_PEOPLE, viewer=author_id, handles=[each.handle for each in mentioned]))
    for mention in mentioned:
        if mention.handle in people:
            yield people[mention.handle], mention
