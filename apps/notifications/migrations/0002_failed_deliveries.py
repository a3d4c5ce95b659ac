from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    # The index is of a table that is in use.
    atomic = False

    dependencies = [
        ('notifications', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('status', 'failed')), fields=['-id'], name='failed_deliveries'),
        ),
    ]
