from typing import Any

from django.db import migrations, models


def forget_choice(apps: Any, schema_editor: Any) -> None:
    """The field had no effect until now, so its value is the default and no choice of an admin."""
    apps.get_model("site", "SiteSettings").objects.update(confirmed_address_required=None)


def restore_default(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("site", "SiteSettings").objects.filter(confirmed_address_required=None)
    rows.update(confirmed_address_required=True)


class Migration(migrations.Migration):
    dependencies = [("site", "0001_site")]

    operations = [
        migrations.AlterField(
            model_name="sitesettings",
            name="confirmed_address_required",
            field=models.BooleanField(
                "confirmed e-mail address required",
                null=True,
                blank=True,
                choices=[(None, "As the setting REQUIRE_CONFIRMED_EMAIL"), (True, "Yes"), (False, "No")],
                help_text="Before posting, commenting and following more than a few accounts.",
            ),
        ),
        migrations.RunPython(forget_choice, restore_default),
    ]
