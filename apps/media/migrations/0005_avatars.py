from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # On a table that is in use.
    atomic = False

    dependencies = [("media", "0004_what_pictures_look_like")]

    operations = [
        BuildIndexConcurrently(
            model_name="media",
            index=models.Index(
                condition=models.Q(("purpose", "avatar")),
                fields=["id"],
                include=("private_secret", "public_secret"),
                name="avatars",
            ),
        ),
    ]
