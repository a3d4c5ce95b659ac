from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("feed", "0004_note_newest_posts")]

    operations = [
        BuildIndexConcurrently(
            model_name="newestpost",
            index=models.Index(fields=["-post"], include=["author"], name="newest_posts_latest_first"),
        ),
    ]
