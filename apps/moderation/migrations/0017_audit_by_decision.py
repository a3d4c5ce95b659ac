from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [("moderation", "0016_names")]

    operations = [
        # A build that fails leaves an invalid index, which would stop the next attempt.
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS audit_by_decision", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name="moderationaction",
            index=models.Index(fields=["part_of_id"], condition=Q(part_of_id__isnull=False), name="audit_by_decision"),
        ),
    ]
