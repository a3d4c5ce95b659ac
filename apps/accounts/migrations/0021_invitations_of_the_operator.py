from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0020_reach")]

    operations = [
        migrations.AddField("invitation", "by_operator", models.BooleanField(db_default=False, default=False)),
    ]
