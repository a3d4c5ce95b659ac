from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models

from apps.core.db.operations import BuildIndexConcurrently


class Migration(migrations.Migration):
    # Without long locks on a live table.
    atomic = False

    dependencies = [
        ('engagement', '0002_replies_mentions_tombstones'),
    ]

    operations = [
        RemoveIndexConcurrently(
            model_name='comment',
            name='comments_by_author',
        ),
        BuildIndexConcurrently(
            model_name='comment',
            index=models.Index(fields=['author', 'post', 'id'], name='comments_by_author_and_post'),
        ),
        AddConstraintNotValid(
            model_name='comment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('author__isnull', False), ('removed_at__isnull', True)), models.Q(('author__isnull', True), ('removed_at__isnull', False), ('text', '')), _connector='OR'), name='a_tombstone_says_nothing'),
        ),
        ValidateConstraint(model_name='comment', name='a_tombstone_says_nothing'),
    ]
