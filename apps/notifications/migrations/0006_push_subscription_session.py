"""The session of a push subscription. The table is small: twenty rows per user at most."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0014_web_sessions"), ("notifications", "0005_names")]

    operations = [
        migrations.AddField(
            "pushsubscription",
            "session",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="accounts.session",
            ),
        ),
    ]
