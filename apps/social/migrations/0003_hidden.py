"""The view `social_hidden`: who is hidden from whom because of a block, in both directions."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

CREATE = """
CREATE VIEW social_hidden AS
    SELECT blocker_id AS viewer_id, blocked_id AS person_id FROM social_block
    UNION ALL
    SELECT blocked_id, blocker_id FROM social_block
"""


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0002_blocks_asked_anew"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.RunSQL(CREATE, "DROP VIEW social_hidden"),
        migrations.CreateModel(
            name="Hidden",
            fields=[
                ("pk", models.CompositePrimaryKey("viewer_id", "person_id", blank=True, editable=False, primary_key=True, serialize=False)),
                ("viewer", models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("person", models.ForeignKey(on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to=settings.AUTH_USER_MODEL)),
            ],
            options={"db_table": "social_hidden", "managed": False},
        ),
    ]
