"""Answers to reports: a type of notifications.

Each operation can be repeated, because those of a migration without a transaction are not undone together.
"""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations, models

FORMER = [
    ("follow", "Follow"),
    ("follow_request", "Follow Request"),
    ("follow_accepted", "Follow Accepted"),
    ("like", "Like"),
    ("comment", "Comment"),
    ("reply", "Reply"),
    ("mention", "Mention"),
    ("comment_like", "Comment Like"),
    ("moderation", "Moderation"),
]
TYPES = [*FORMER, ("report", "Report")]


def replace_constraint(types):
    names = ", ".join(f"'{name}'" for name, _ in types)
    return f"""
ALTER TABLE notifications_notification
    DROP CONSTRAINT IF EXISTS notification_type_is_known,
    ADD CONSTRAINT notification_type_is_known CHECK (type IN ({names})) NOT VALID
"""


class Migration(migrations.Migration):
    # Without long locks on a live table.
    atomic = False

    dependencies = [("notifications", "0006_push_subscription_session")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    replace_constraint(TYPES),
                    "DELETE FROM notifications_delivery WHERE act_id IN (SELECT act.id FROM notifications_act act"
                    " JOIN notifications_notification told ON told.id = act.notification_id"
                    " WHERE told.type = 'report');"
                    "DELETE FROM notifications_act WHERE notification_id IN"
                    " (SELECT id FROM notifications_notification WHERE type = 'report');"
                    "DELETE FROM notifications_notification WHERE type = 'report';"
                    "DELETE FROM notifications_preference WHERE type = 'report';" + replace_constraint(FORMER),
                )
            ],
            state_operations=[
                migrations.AlterField("notification", "type", models.CharField(choices=TYPES, max_length=20)),
                migrations.AlterField("preference", "type", models.CharField(choices=TYPES, max_length=20)),
                migrations.RemoveConstraint("notification", "notification_type_is_known"),
                migrations.AddConstraint(
                    "notification",
                    models.CheckConstraint(
                        condition=models.Q(("type__in", [name for name, _ in TYPES])),
                        name="notification_type_is_known",
                    ),
                ),
            ],
        ),
        ValidateConstraint("notification", "notification_type_is_known"),
    ]
