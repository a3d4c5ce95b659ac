"""The names that the console shows."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("safety", "0003_new_account_limit_action")]

    operations = [
        migrations.AlterModelOptions("blockedimage", {"verbose_name": "banned image"}),
        migrations.AlterModelOptions("blockedterm", {"verbose_name": "blocked word or domain", "verbose_name_plural": "blocked words and domains"}),
    ]
