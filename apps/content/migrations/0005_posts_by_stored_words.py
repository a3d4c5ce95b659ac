import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):

    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [
        ('content', '0004_words'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='post',
            index=django.contrib.postgres.indexes.GinIndex(fields=['words'], name='posts_by_stored_words'),
        ),
    ]
