from django.contrib.postgres.operations import TrigramExtension, UnaccentExtension
from django.db import migrations

from apps.core.db.operations import BuildIndexFromSQL


class Migration(migrations.Migration):
    # Indexes are made concurrently: the tables stay usable.
    atomic = False

    dependencies = [
        ('accounts', '0002_initial'),
        ('content', '0002_stale_exposure_and_leaner_indexes'),
    ]

    operations = [
        TrigramExtension(),
        UnaccentExtension(),
        # `unaccent(text)` looks its dictionary up by the search path and so is only STABLE; with the dictionary named
        # it is safe to index (PostgreSQL manual, F.48, "Functions").
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION photogram_plain(text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS $$ SELECT lower(public.unaccent('public.unaccent'::regdictionary, $1)) $$
            """,
            "DROP FUNCTION photogram_plain(text)",
        ),
        BuildIndexFromSQL("people_by_handle_prefix", "accounts_user (handle text_pattern_ops)"),
        BuildIndexFromSQL("people_by_name_prefix", "accounts_user (photogram_plain(display_name) text_pattern_ops)"),
        BuildIndexFromSQL(
            "people_by_likeness",
            "accounts_user USING gist (photogram_plain(handle || ' ' || display_name) gist_trgm_ops (siglen = 64))",
        ),
        BuildIndexFromSQL("posts_by_words", "content_post USING gin (to_tsvector('simple', photogram_plain(caption)))"),
        BuildIndexFromSQL("tags_by_prefix", 'content_tag (name COLLATE "C")'),
    ]
