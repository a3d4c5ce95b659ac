from django.db import migrations, models
from django.db.models import Q

from apps.core.db.operations import BuildIndexConcurrently

COLUMNS = """
ALTER TABLE content_post
    ADD COLUMN IF NOT EXISTS sensitive_by_author boolean NULL,
    ADD COLUMN IF NOT EXISTS marked_sensitive boolean DEFAULT false NOT NULL,
    ADD COLUMN IF NOT EXISTS reach_limited boolean DEFAULT false NOT NULL;
ALTER TABLE content_tag
    ADD COLUMN IF NOT EXISTS hidden boolean DEFAULT false NOT NULL,
    ADD COLUMN IF NOT EXISTS sensitive boolean DEFAULT false NOT NULL
"""
# What authors chose counts again.
FORMER_COLUMNS = """
UPDATE content_post SET sensitive = sensitive_by_author WHERE sensitive_by_author IS NOT NULL;
ALTER TABLE content_post
    DROP COLUMN IF EXISTS sensitive_by_author, DROP COLUMN IF EXISTS marked_sensitive,
    DROP COLUMN IF EXISTS reach_limited;
ALTER TABLE content_tag DROP COLUMN IF EXISTS hidden, DROP COLUMN IF EXISTS sensitive
"""


class Migration(migrations.Migration):
    # The indexes are made concurrently: the tables stay usable. Each operation can be repeated.
    atomic = False

    dependencies = [("content", "0005_posts_by_stored_words")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, FORMER_COLUMNS)],
            state_operations=[
                migrations.AddField("post", "sensitive_by_author", models.BooleanField(blank=True, null=True)),
                migrations.AddField("post", "marked_sensitive", models.BooleanField(default=False, db_default=False)),
                migrations.AddField("post", "reach_limited", models.BooleanField(default=False, db_default=False)),
                migrations.AddField("tag", "hidden", models.BooleanField(default=False, db_default=False)),
                migrations.AddField("tag", "sensitive", models.BooleanField(default=False, db_default=False)),
            ],
        ),
        BuildIndexConcurrently(
            model_name="post",
            index=models.Index(fields=["-id"], condition=Q(reach_limited=True), name="posts_reach_limited"),
        ),
        BuildIndexConcurrently(
            model_name="tag", index=models.Index(fields=["id"], condition=Q(hidden=True), name="hidden_tags")
        ),
        BuildIndexConcurrently(
            model_name="tag", index=models.Index(fields=["name"], condition=Q(sensitive=True), name="sensitive_tags")
        ),
    ]
