"""What the answers of this context look like, for the OpenAPI document."""

from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer
from apps.core.api.shapes import Shape
from apps.moderation import models


class Flag(Shape):
    id = serializers.UUIDField()
    target_type = serializers.ChoiceField(choices=models.TargetType.values)
    target_id = serializers.UUIDField()
    category = serializers.ChoiceField(choices=models.Category.values)
    note = serializers.CharField()
    status = serializers.ChoiceField(choices=models.Flag.Status.values)
    created_at = serializers.DateTimeField()


class ModerationAction(Shape):
    id = serializers.UUIDField()
    actor = UserSummarySerializer(
        allow_null=True, help_text="null: a suspension that ended by the clock, or an account erased since."
    )
    action = serializers.ChoiceField(choices=models.ModerationAction.Action.values)
    target_type = serializers.ChoiceField(choices=models.TargetType.values)
    target_id = serializers.UUIDField()
    reason = serializers.CharField()
    category = serializers.ChoiceField(choices=models.Category.values)
    created_at = serializers.DateTimeField()
    reversed_at = serializers.DateTimeField(allow_null=True, help_text="When it was undone or replaced.")


class Appeal(Shape):
    id = serializers.UUIDField()
    action_id = serializers.UUIDField()
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=models.Appeal.Status.values)
    note = serializers.CharField(help_text="Of who decided.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class AppealCase(Appeal):
    appellant = UserSummarySerializer()
    action = ModerationAction()
    decided_by = UserSummarySerializer(allow_null=True)
