"""Full text search in a text column.

Words are compared without accents and case, by PostgreSQL's `simple` configuration: words are not stemmed, because the
language of a text is unknown.
"""

from django.db.models import BooleanField, F, Func, TextField, Value


def contains_words(column: str, words: str) -> Func:
    """SQL condition: does the column contain every word? It is written like the expression of the index."""
    text = Func(F(column), template="to_tsvector('simple', photogram_plain(%(expressions)s))", output_field=TextField())
    wanted = Func(
        Value(words), template="plainto_tsquery('simple', photogram_plain(%(expressions)s))", output_field=TextField()
    )
    return Func(text, wanted, template="%(expressions)s", arg_joiner=" @@ ", output_field=BooleanField())
