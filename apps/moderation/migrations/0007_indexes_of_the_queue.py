from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # Without long locks on a live table.
    atomic = False

    dependencies = [
        ('moderation', '0006_desk'),
    ]

    operations = [
        BuildIndexConcurrently(
            model_name='flag',
            index=models.Index(condition=models.Q(('status', 'open')), fields=['target_type', 'target_id'], include=('id', 'category', 'reporter', 'subject'), name='open_flags_by_target'),
        ),
        BuildIndexConcurrently(
            model_name='flag',
            index=models.Index(condition=models.Q(('status', 'open'), _negated=True), fields=['reporter', 'status'], name='closed_flags_by_reporter'),
        ),
        BuildIndexConcurrently(
            model_name='flag',
            index=models.Index(fields=['subject', 'status'], name='flags_by_subject_and_status'),
        ),
    ]
