from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    """Apart from 0019, whose locks would last as long as the validation."""

    dependencies = [("moderation", "0019_graded_measures")]

    operations = [
        ValidateConstraint("moderationaction", "action_is_known"),
        ValidateConstraint("reasontemplate", "template_action_is_known"),
    ]
