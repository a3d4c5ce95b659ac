from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0006_console_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='session',
            name='two_factor',
            field=models.BooleanField(db_default=False),
        ),
    ]
