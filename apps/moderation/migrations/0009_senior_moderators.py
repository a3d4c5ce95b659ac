from typing import Any

from django.db import migrations


def make_group(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.get_or_create(name="senior_moderator")


class Migration(migrations.Migration):

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("moderation", "0008_reason_templates"),
    ]

    operations = [
        # People may be in the group by then, so going back leaves it.
        migrations.RunPython(make_group, migrations.RunPython.noop),
    ]
