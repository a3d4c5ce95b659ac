"""Rows by the words of a text column, by an index of the very expression.

Words are compared without accents and case, by PostgreSQL's `simple` configuration: nothing is stemmed, since nobody
says in which language they write.
"""

from django.db.models import BooleanField, F, Func, TextField, Value


def holds(column: str, words: str) -> Func:
    """Whether the column holds every word: the indexed expression, to the letter, and what it must match."""
    text = Func(F(column), template="to_tsvector('simple', photogram_plain(%(expressions)s))", output_field=TextField())
    wanted = Func(
        Value(words), template="plainto_tsquery('simple', photogram_plain(%(expressions)s))", output_field=TextField()
    )
    return Func(text, wanted, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
