from typing import Any

from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer
from apps.core.api.fields import SecretField, TextField
from apps.core.api.serializers import StrictSerializer
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
class FlagSerializer(serializers.Serializer[Flag]):
    """Without the reporter: moderators judge the content, not the reporter."""

    id = serializers.UUIDField()
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_id = serializers.UUIDField()
    category = serializers.ChoiceField(choices=Category.values)
    note = serializers.CharField()
    status = serializers.ChoiceField(choices=Flag.Status.values)
    created_at = serializers.DateTimeField()


class ModerationActionSerializer(serializers.Serializer[ModerationAction]):
    """Of an action selected by `with_outcome()`."""

    id = serializers.UUIDField()
    actor = UserSummarySerializer(
        allow_null=True, help_text="null: an automatic action, or an account that was deleted."
    )
    action = serializers.ChoiceField(choices=ModerationAction.Action.values)
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_id = serializers.UUIDField()
    reason = serializers.CharField()
    category = serializers.ChoiceField(choices=Category.values)
    created_at = serializers.DateTimeField()
    reversed_at = serializers.DateTimeField(allow_null=True, help_text="When the action was undone or replaced.")


class AppealSerializer(serializers.Serializer[Appeal]):
    """For the appellant: without the moderator who decided."""

    id = serializers.UUIDField()
    action_id = serializers.UUIDField()
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=Appeal.Status.values)
    note = serializers.CharField(help_text="The reason for the decision.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


class AppealCaseSerializer(AppealSerializer):
    """For moderators; of an appeal selected by `with_action()`."""

    appellant = UserSummarySerializer()
    action = ModerationActionSerializer()
    decided_by = UserSummarySerializer(allow_null=True)


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
class MakeFlagSerializer(StrictSerializer):
    category = serializers.ChoiceField(choices=Category.values)
    note = TextField(max_length=1000, allow_blank=True, required=False)


class ResolveFlagSerializer(StrictSerializer):
    resolution = serializers.ChoiceField(choices=[Flag.Status.RESOLVED.value, Flag.Status.DISMISSED.value])
    note = TextField(max_length=1000, allow_blank=True, required=False)


class TakeDownSerializer(StrictSerializer):
    reason = TextField(max_length=1000, help_text="The affected user sees it.")
    category = serializers.ChoiceField(choices=Category.values)


class SuspendSerializer(TakeDownSerializer):
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Absent or null: until the suspension is lifted."
    )


class RestoreSerializer(StrictSerializer):
    reason = TextField(max_length=1000, allow_blank=True, required=False, help_text="The affected user sees it.")


class MakeAppealSerializer(StrictSerializer):
    text = TextField(max_length=2000)
    token = SecretField(required=False, help_text="From the link in the mail, for users who cannot sign in.")


class DecideAppealSerializer(StrictSerializer):
    decision = serializers.ChoiceField(choices=["uphold", "overturn"])
    note = TextField(max_length=1000, allow_blank=True, required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The arguments of `services.decide_appeal`."""
        values = super().to_internal_value(data)
        return {"overturn": values["decision"] == "overturn", "note": values.get("note", "")}
