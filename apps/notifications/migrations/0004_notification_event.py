import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Renames in the state only: the previous release runs side by side with this one and knows the old names."""

    dependencies = [("notifications", "0003_leased_jobs")]

    operations = [
        migrations.AlterModelTable("act", "notifications_act"),
        # Not below, so that Django renames the content type as well.
        migrations.RenameModel("Act", "NotificationEvent"),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "notificationevent",
                    "notification",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="events",
                        to="notifications.notification",
                    ),
                ),
                migrations.RemoveConstraint("delivery", "one_delivery_per_act_and_channel"),
                migrations.RenameField("delivery", "act", "event"),
                migrations.AlterField(
                    "delivery",
                    "event",
                    models.ForeignKey(
                        db_column="act_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="notifications.notificationevent",
                    ),
                ),
                migrations.AddConstraint(
                    "delivery",
                    models.UniqueConstraint(fields=("event", "channel"), name="one_delivery_per_act_and_channel"),
                ),
            ],
        ),
    ]
