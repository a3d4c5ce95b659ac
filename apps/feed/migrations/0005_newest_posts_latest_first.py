from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("feed", "0004_note_newest_posts")]

    operations = [
        AddIndexConcurrently(
            model_name="newestpost",
            index=models.Index(fields=["-post"], include=["author"], name="newest_posts_latest_first"),
        ),
    ]
