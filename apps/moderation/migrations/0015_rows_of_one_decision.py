from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [("moderation", "0014_help_texts")]

    operations = [
        migrations.AddField("moderationaction", "part_of_id", models.UUIDField(null=True)),
        AddIndexConcurrently(
            model_name="moderationaction",
            index=models.Index(fields=["part_of_id"], condition=Q(part_of_id__isnull=False), name="audit_by_decision"),
        ),
    ]
