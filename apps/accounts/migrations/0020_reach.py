from django.db import migrations, models
from django.db.models import Q

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # The index is made concurrently: the table stays usable.
    atomic = False

    dependencies = [("accounts", "0014_web_sessions")]

    operations = [
        migrations.AddField("user", "reach_limited", models.BooleanField(default=False, db_default=False)),
        BuildIndexConcurrently(
            model_name="user",
            index=models.Index(fields=["-id"], condition=Q(reach_limited=True), name="users_reach_limited"),
        ),
    ]
