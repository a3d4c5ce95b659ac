import apps.core.db.derived
import django.db.models.fields
from django.db import migrations


class Migration(migrations.Migration):
    # Columns that may be null: no row is rewritten. `manage.py repair_search` fills them.

    dependencies = [
        ('content', '0003_console_filters'),
    ]

    operations = [
        migrations.AddField(
            model_name='post',
            name='words',
            field=apps.core.db.derived.WordsField(base_field=django.db.models.fields.TextField(), editable=False, null=True, size=None, source='caption'),
        ),
        migrations.AddField(
            model_name='tag',
            name='searchable_name',
            field=apps.core.db.derived.SearchableField(editable=False, max_length=100, null=True, source='name'),
        ),
    ]
