"""The names that the console shows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0012_session_kind")]

    operations = [
        migrations.AlterModelOptions("user", {"verbose_name": "person", "verbose_name_plural": "people"}),
    ]
