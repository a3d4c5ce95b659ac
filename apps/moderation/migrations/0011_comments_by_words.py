from django.db import migrations

from apps.core.db.operations import BuildIndexFromSQL


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [
        ('moderation', '0010_indexes_of_the_console'),
        ('engagement', '0003_comments_by_author_and_post'),
        # The function that it is made of.
        ('search', '0001_text_indexes'),
    ]

    operations = [
        BuildIndexFromSQL(
            "comments_by_words", "engagement_comment USING gin (to_tsvector('simple', photogram_plain(text)))"
        ),
    ]
