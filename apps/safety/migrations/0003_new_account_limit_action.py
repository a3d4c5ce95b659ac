from django.db import migrations, models
from django.db.models import Q

ACTIONS = [("post", "Posts"), ("comment", "Comments"), ("follow", "Follows and follow requests")]


class Migration(migrations.Migration):
    dependencies = [("safety", "0002_terms_and_limits")]

    operations = [
        migrations.RemoveConstraint("newaccountlimit", "limited_deed_is_known"),
        migrations.RenameField("newaccountlimit", "deed", "action"),
        migrations.AddConstraint(
            "newaccountlimit",
            models.CheckConstraint(
                condition=Q(action__in=["post", "comment", "follow"]), name="limited_action_is_known"
            ),
        ),
        # The previous release reads and updates the rows by the former name. The table has three rows.
        migrations.RunSQL(
            "ALTER TABLE safety_newaccountlimit ADD COLUMN deed varchar(10) GENERATED ALWAYS AS (action) STORED",
            "ALTER TABLE safety_newaccountlimit DROP COLUMN deed",
        ),
        migrations.AlterField(
            "newaccountlimit",
            "action",
            models.CharField(choices=ACTIONS, max_length=10, primary_key=True, serialize=False),
        ),
        migrations.AlterField(
            "newaccountlimit", "most", models.PositiveIntegerField(verbose_name="maximum")
        ),
        migrations.AlterField(
            "newaccountlimit", "hours", models.PositiveIntegerField(verbose_name="period (hours)")
        ),
        migrations.AlterField(
            "blockedterm",
            "effect",
            models.CharField(
                choices=[("flag", "Report text that contains it"), ("refuse", "Refuse text that contains it")],
                max_length=10,
            ),
        ),
    ]
