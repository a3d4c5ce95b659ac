from django.db import migrations


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
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY IF NOT EXISTS comments_by_words"
            " ON engagement_comment USING gin (to_tsvector('simple', photogram_plain(text)))",
            "DROP INDEX CONCURRENTLY IF EXISTS comments_by_words",
        ),
    ]
