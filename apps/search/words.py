"""Search for texts by their words. The words of a text are those of `core/words.py`."""

from django.db.models import BooleanField, F, Func, Q, TextField, Value

from apps.core.words import words_to_find


def has_words(source: str, query: str) -> Q:
    """Condition: the text in the column `source` has every word of the query. A query without words finds nothing.

    A row without stored words was written before they were stored, or by a process of the release before that. Until
    `repair_search` fills it, it is found by PostgreSQL's full text search, as in that release.
    """
    wanted = words_to_find(query)
    if not wanted:
        return Q(pk__in=[])
    return Q(words__contains=wanted) | Q(Q(words__isnull=True), _matches(source, query))


def _matches(source: str, query: str) -> Func:
    """It is written like the expression of the index, posts_by_text or comments_by_text."""
    text = Func(F(source), template="to_tsvector('simple', photogram_plain(%(expressions)s))", output_field=TextField())
    wanted = Func(
        Value(query), template="plainto_tsquery('simple', photogram_plain(%(expressions)s))", output_field=TextField()
    )
    return Func(text, wanted, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
