from django.db import migrations, models
from django.db.models import Q

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # The indexes are made concurrently: the tables stay usable.
    atomic = False

    dependencies = [("content", "0005_posts_by_stored_words")]

    operations = [
        migrations.AddField("post", "sensitive_by_author", models.BooleanField(blank=True, null=True)),
        migrations.AddField("post", "marked_sensitive", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("post", "reach_limited", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("tag", "hidden", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("tag", "sensitive", models.BooleanField(default=False, db_default=False)),
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
