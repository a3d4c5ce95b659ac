from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # On a table that is in use.
    atomic = False

    dependencies = [("accounts", "0007_sessions_with_two_factor")]

    operations = [
        BuildIndexConcurrently(
            model_name="user",
            index=models.Index(
                condition=models.Q(("state", "active"), _negated=True), fields=["id"], name="users_gone"
            ),
        ),
    ]
