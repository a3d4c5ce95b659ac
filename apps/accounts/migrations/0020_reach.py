from django.db import migrations, models
from django.db.models import Q

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable. Each operation can be repeated.
    atomic = False

    dependencies = [("accounts", "0019_consents")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE accounts_user ADD COLUMN IF NOT EXISTS reach_limited boolean DEFAULT false NOT NULL",
                    "ALTER TABLE accounts_user DROP COLUMN IF EXISTS reach_limited",
                )
            ],
            state_operations=[
                migrations.AddField("user", "reach_limited", models.BooleanField(default=False, db_default=False)),
            ],
        ),
        BuildIndexConcurrently(
            model_name="user",
            index=models.Index(fields=["-id"], condition=Q(reach_limited=True), name="users_reach_limited"),
        ),
    ]
