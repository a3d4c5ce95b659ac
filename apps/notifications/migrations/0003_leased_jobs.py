"""The columns of leases have the same names in all models; in the database they keep theirs, for the release before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_failed_deliveries")]

    operations = [
        migrations.AddField("delivery", "leased_until", models.DateTimeField(null=True)),
        migrations.RunSQL(
            "ALTER TABLE notifications_delivery ALTER COLUMN try_after DROP NOT NULL",
            "UPDATE notifications_delivery SET try_after = now() WHERE try_after IS NULL; "
            "ALTER TABLE notifications_delivery ALTER COLUMN try_after SET NOT NULL",
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveIndex("delivery", "deliveries_to_make"),
                migrations.RenameField("delivery", "try_after", "next_attempt_at"),
                migrations.AlterField(
                    "delivery", "next_attempt_at", models.DateTimeField(db_column="try_after", null=True)
                ),
                migrations.AddIndex(
                    "delivery", models.Index(condition=models.Q(("status", "pending")), fields=["next_attempt_at"], name="deliveries_to_make")
                ),
            ]
        ),
    ]
