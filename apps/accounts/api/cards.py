"""Former names, until their last user is converted."""

from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from orjson import Fragment

from apps.accounts.api.serializers import serialize_user_summary as mini
from apps.accounts.querysets import mini_columns
from apps.core.db.statements import Row
from apps.media.api.cards import Avatar

Card = dict[str, Any]


def avatar_of(private: str | None, public: str | None) -> Avatar | None:
    """Of columns that are null or empty where there is no avatar."""
    return Avatar(private, public or "") if private else None


class Person(NamedTuple):
    """What a mini shows of somebody, as a row of a statement."""

    id: UUID | str
    handle: str
    display_name: str
    is_verified: bool
    avatar_private: str | None
    avatar_public: str | None

    @property
    def avatar(self) -> Avatar | None:
        return avatar_of(self.avatar_private, self.avatar_public)


# The columns of a statement that names them so, in the order of `Person`.
PERSON_COLUMNS = ", ".join(mini_columns("person"))
# Rows of `person`, and of `avatar` for `PERSON`: of an index of avatars alone, which holds all that is shown of them.
# `OFFSET 0`: looked up one by one; where people are few, PostgreSQL would read all avatars for each few of them.
PEOPLE = """accounts_user AS person LEFT JOIN LATERAL (
        SELECT private_secret, public_secret FROM media_media
        WHERE id = person.avatar_id AND purpose = 'avatar' OFFSET 0
    ) AS avatar ON true"""
# Of `PEOPLE`, for `person_of`. As one text, since PostgreSQL looks up for each element of a JSON array how it is
# written. Only a display name has blanks in it: it is the last.
PERSON = (
    "concat_ws(' ', person.id, person.handle, person.is_verified, "
    "coalesce(avatar.private_secret, ''), coalesce(avatar.public_secret, ''), person.display_name)"
)
_AUTHOR = itemgetter(*mini_columns("author"))


def person_of(text: str) -> Person:
    """Of what `PERSON` selects."""
    pk, handle, is_verified, private, public, display_name = text.split(" ", 5)
    return Person(pk, handle, display_name, is_verified == "t", private, public)


def author_of(row: dict[str, Any]) -> Person:
    """Of a row that names its author's columns as cards of posts and comments do."""
    return Person(*_AUTHOR(row))


@lru_cache(maxsize=8192)
def mini_json(person: Row, at: int) -> Fragment:
    """As `mini` of a row in the order of `Person`, as JSON, with URLs of the instant `at`. It is remembered: many pages
    show the same people, and it is a function of all that it is made of."""
    return Fragment(orjson.dumps(mini(Person._make(person))))
