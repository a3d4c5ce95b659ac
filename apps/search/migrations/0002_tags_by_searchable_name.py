from django.db import migrations

from apps.core.db.operations import BuildIndexFromSQL


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable. tags_by_prefix serves processes of the previous release.
    atomic = False

    dependencies = [
        ('content', '0004_words'),
        ('search', '0001_text_indexes'),
    ]

    operations = [
        BuildIndexFromSQL(
            "tags_by_searchable_name",
            'content_tag ((coalesce(searchable_name, name)) COLLATE "C", name COLLATE "C")',
        ),
    ]
