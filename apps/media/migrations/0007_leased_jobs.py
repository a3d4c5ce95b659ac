"""The columns of leases have the same names in all models; in the database they keep theirs, for the release before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("media", "0006_pending_deletions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("media", "media_to_ring_for"),
                migrations.RenameField("media", "ring_at", "next_attempt_at"),
                migrations.AlterField(
                    "media", "next_attempt_at", models.DateTimeField(db_column="ring_at", null=True)
                ),
                migrations.AddIndex(
                    "media", models.Index(condition=models.Q(("next_attempt_at__isnull", False)), fields=["next_attempt_at"], name="media_to_ring_for")
                ),
            ]
        ),
    ]
