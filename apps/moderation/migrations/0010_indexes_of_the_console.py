from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # Indexes are made concurrently: the tables stay usable.
    atomic = False

    dependencies = [
        ('moderation', '0009_senior_moderators'),
    ]

    operations = [
        BuildIndexConcurrently(
            model_name='flag',
            index=models.Index(fields=['subject', '-id'], name='flags_by_subject'),
        ),
        BuildIndexConcurrently(
            model_name='moderationaction',
            index=models.Index(fields=['category', '-id'], name='audit_by_category'),
        ),
    ]
