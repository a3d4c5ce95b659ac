"""The columns of leases have the same names in all models; in the database they keep theirs, for the release before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0010_drop_avatar_trigger")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("erasure", "erasures_to_ring_for"),
                migrations.RenameField("erasure", "ring_at", "next_attempt_at"),
                migrations.AlterField(
                    "erasure", "next_attempt_at", models.DateTimeField(db_column="ring_at", null=True)
                ),
                migrations.AddIndex(
                    "erasure", models.Index(fields=["next_attempt_at"], name="erasures_to_ring_for")
                ),
                migrations.RemoveIndex("dataexport", "exports_to_ring_for"),
                migrations.RenameField("dataexport", "ring_at", "next_attempt_at"),
                migrations.AlterField(
                    "dataexport", "next_attempt_at", models.DateTimeField(db_column="ring_at", null=True)
                ),
                migrations.AddIndex(
                    "dataexport", models.Index(condition=models.Q(("next_attempt_at__isnull", False)), fields=["next_attempt_at"], name="exports_to_ring_for")
                ),
            ]
        ),
    ]
