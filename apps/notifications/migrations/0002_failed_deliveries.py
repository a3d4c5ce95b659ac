from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):

    # The index is of a table that is in use.
    atomic = False

    dependencies = [
        ('notifications', '0001_initial'),
    ]

    operations = [
        BuildIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('status', 'failed')), fields=['-id'], name='failed_deliveries'),
        ),
    ]
