"""Mentions as the API shows them, in captions and in comments."""

from functools import lru_cache

import orjson
from orjson import Fragment

from apps.accounts.api.cards import PEOPLE, PERSON, mini, person_of
from apps.core.db.statements import aggregate
from apps.social.blocks import MENTIONABLE


def mentions_sql(table: str, text: str, column: str) -> str:
    """One column: the mentions in `text`, a row with an id, which the rows of `table` refer to. Beside `BLOCKED`. Most
    texts, which are in `column`, have none, and nothing is looked for where there is no @."""
    return f"""
    CASE WHEN strpos({text}.{column}, '@') > 0 THEN (
        SELECT json_agg(json_build_array(mention.offset, mention.length, {PERSON}) ORDER BY mention.offset)::text
        FROM {table} AS mention JOIN ({PEOPLE}) ON person.id = mention.user_id
        WHERE mention.{text}_id = {text}.id AND {MENTIONABLE}
    ) END"""  # noqa: S608  (of constants)


@lru_cache(maxsize=2048)
def mention_cards(column: str | None, at: int) -> Fragment:
    """Of what `mentions_sql` has selected, as JSON, with URLs of the instant `at`. It is remembered: most captions have
    none, and it is a function of all that it is made of."""
    return Fragment(
        orjson.dumps(
            [
                mini(person_of(person)) | {"offset": offset, "length": length}
                for offset, length, person in aggregate(column)
            ]
        )
    )
