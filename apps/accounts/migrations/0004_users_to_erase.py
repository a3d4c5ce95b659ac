from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):

    # The indexes are of a table that is in use.
    atomic = False

    dependencies = [
        ('accounts', '0003_exports_and_erasures'),
    ]

    operations = [
        BuildIndexConcurrently(
            model_name='user',
            index=models.Index(condition=models.Q(('erase_after__isnull', False)), fields=['erase_after'], name='users_to_erase'),
        ),
        RemoveIndexConcurrently(
            model_name='user',
            name='users_due_for_erasure',
        ),
    ]
