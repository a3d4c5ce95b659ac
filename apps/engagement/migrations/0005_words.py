import apps.core.db.derived
import django.db.models.fields
from django.db import migrations


class Migration(migrations.Migration):
    # A column that may be null: no row is rewritten. `manage.py repair_search` fills it.

    dependencies = [
        ('engagement', '0004_console_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='comment',
            name='words',
            field=apps.core.db.derived.WordsField(base_field=django.db.models.fields.TextField(), editable=False, null=True, size=None, source='text'),
        ),
    ]
