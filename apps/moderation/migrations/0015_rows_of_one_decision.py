from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("moderation", "0014_help_texts")]

    operations = [migrations.AddField("moderationaction", "part_of_id", models.UUIDField(null=True))]
