"""The names that the console shows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("notifications", "0004_notification_event")]

    operations = [
        migrations.AlterModelOptions("delivery", {"verbose_name_plural": "deliveries"}),
    ]
