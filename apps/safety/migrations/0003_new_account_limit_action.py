from django.db import migrations, models
from django.db.models import Q

# The previous release reads and updates the rows by the former name, which is therefore a generated column. The table
# has three rows, so that this takes a moment.
RENAME = """
ALTER TABLE safety_newaccountlimit RENAME COLUMN deed TO action;
ALTER TABLE safety_newaccountlimit RENAME CONSTRAINT limited_deed_is_known TO limited_action_is_known;
ALTER TABLE safety_newaccountlimit ADD COLUMN deed varchar(10) GENERATED ALWAYS AS (action) STORED;
"""
UNDO = """
ALTER TABLE safety_newaccountlimit DROP COLUMN deed;
ALTER TABLE safety_newaccountlimit RENAME CONSTRAINT limited_action_is_known TO limited_deed_is_known;
ALTER TABLE safety_newaccountlimit RENAME COLUMN action TO deed;
"""
ACTIONS = [("post", "Posts"), ("comment", "Comments"), ("follow", "Follows and follow requests")]
EFFECTS = [("flag", "Report text that contains it"), ("refuse", "Refuse text that contains it")]
IS_KNOWN = models.CheckConstraint(
    condition=Q(action__in=["post", "comment", "follow"]), name="limited_action_is_known"
)


class Migration(migrations.Migration):
    dependencies = [("safety", "0002_terms_and_limits")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(RENAME, UNDO)],
            state_operations=[
                migrations.RemoveConstraint("newaccountlimit", "limited_deed_is_known"),
                migrations.RenameField("newaccountlimit", "deed", "action"),
                migrations.AddConstraint("newaccountlimit", IS_KNOWN),
                # Labels only.
                migrations.AlterField(
                    "newaccountlimit",
                    "action",
                    models.CharField(choices=ACTIONS, max_length=10, primary_key=True, serialize=False),
                ),
                migrations.AlterField("newaccountlimit", "most", models.PositiveIntegerField("maximum")),
                migrations.AlterField("newaccountlimit", "hours", models.PositiveIntegerField("period (hours)")),
                migrations.AlterField("blockedterm", "effect", models.CharField(choices=EFFECTS, max_length=10)),
            ],
        )
    ]
