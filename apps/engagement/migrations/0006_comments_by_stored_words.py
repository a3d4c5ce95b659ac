import django.contrib.postgres.indexes
from django.db import migrations

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):

    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [
        ('engagement', '0005_words'),
    ]

    operations = [
        BuildIndexConcurrently(
            model_name='comment',
            index=django.contrib.postgres.indexes.GinIndex(fields=['words'], name='comments_by_stored_words'),
        ),
    ]
