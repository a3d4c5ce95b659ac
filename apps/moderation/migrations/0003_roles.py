from typing import Any

from django.db import migrations


def make_groups(apps: Any, schema_editor: Any) -> None:
    for name in ("moderator", "admin"):
        apps.get_model("auth", "Group").objects.get_or_create(name=name)


class Migration(migrations.Migration):

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("moderation", "0002_audit_is_append_only"),
    ]

    operations = [
        # People may be in the groups by then, so going back leaves them.
        migrations.RunPython(make_groups, migrations.RunPython.noop),
    ]
