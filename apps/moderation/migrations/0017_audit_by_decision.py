from django.db import migrations, models
from django.db.models import Q

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [("moderation", "0016_names")]

    operations = [
        BuildIndexConcurrently(
            model_name="moderationaction",
            index=models.Index(fields=["part_of_id"], condition=Q(part_of_id__isnull=False), name="audit_by_decision"),
        ),
    ]
