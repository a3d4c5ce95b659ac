"""Mentions of accounts in captions and comments.

A mention does not allow anybody to see a post that they could not see without it.
"""

from collections.abc import Iterator
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.content.captions import Mentioned
from apps.core.errors import Invalid
from apps.social.visibility import visible_users

MAX_MENTIONS = 20


def validate_mention_limit(mentioned: list[Mentioned], *, field: str) -> None:
    """Raises Invalid for more than MAX_MENTIONS in the text of `field`."""
    if len(mentioned) > MAX_MENTIONS:
        raise Invalid(**{field: ("too_many_mentions", _("At most {most} mentions.").format(most=MAX_MENTIONS))})


def accounts_mentioned(mentioned: list[Mentioned], *, author_id: UUID) -> Iterator[tuple[UUID, Mentioned]]:
    """The account of each mention. Accounts that are not visible to the author cannot be mentioned."""
    if not mentioned:
        return
    handles = [mention.handle for mention in mentioned]
    accounts = dict(visible_users(author_id).filter(handle__in=handles).values_list("handle", "id"))
    for mention in mentioned:
        if mention.handle in accounts:
            yield accounts[mention.handle], mention
