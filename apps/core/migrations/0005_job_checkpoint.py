"""The column keeps its name, for the release before this one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("core", "0004_outbox")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("jobrun", "place", "checkpoint"),
                migrations.AlterField("jobrun", "checkpoint", models.JSONField(db_column="place", default=dict)),
            ]
        ),
    ]
