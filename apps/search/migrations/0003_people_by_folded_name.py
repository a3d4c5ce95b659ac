from django.db import migrations

from apps.core.db.operations import BuildIndexFromSQL


class Migration(migrations.Migration):
    # Indexes are made concurrently: the table stays usable. people_by_name_prefix and people_by_likeness serve
    # processes of the previous release.
    atomic = False

    dependencies = [
        ("accounts", "0002_initial"),
        ("search", "0002_tags_by_searchable_name"),
    ]

    operations = [
        # photogram_plain keeps the Greek final sigma, by which the word οδός would not be the beginning of οδοστρωτήρας.
        # A new function, because replacing the old one would invalidate the indexes that contain its results.
        migrations.RunSQL(
            """
            CREATE OR REPLACE FUNCTION photogram_folded(text) RETURNS text
            LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
            AS $$ SELECT replace(lower(public.unaccent('public.unaccent'::regdictionary, $1)), 'ς', 'σ') $$
            """,
            "DROP FUNCTION photogram_folded(text)",
        ),
        BuildIndexFromSQL("people_by_folded_name", "accounts_user (photogram_folded(display_name) text_pattern_ops)"),
        BuildIndexFromSQL(
            "people_by_folded_likeness",
            "accounts_user USING gist (photogram_folded(handle || ' ' || display_name) gist_trgm_ops (siglen = 64))",
        ),
    ]
