from typing import Any

from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer
from apps.core.api.fields import SecretField, TextField
from apps.core.api.schema import example
from apps.core.api.serializers import StrictSerializer
from apps.moderation.appeals import statements
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
@example({"target_type": "post", "note": "The same advertisement under every post."})
class FlagSerializer(serializers.Serializer[Flag]):
    """Without the reporter: moderators judge the content, not the reporter."""

    id = serializers.UUIDField()
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_id = serializers.UUIDField()
    category = serializers.ChoiceField(choices=Category.values)
    note = serializers.CharField()
    status = serializers.ChoiceField(choices=Flag.Status.values)
    created_at = serializers.DateTimeField()


@example({"action": "takedown", "target_type": "post", "reason": "It is an advertisement.", "reversed_at": None})
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


@example({"text": "It is my own photo.", "note": "", "decided_at": None})
class AppealSerializer(serializers.Serializer[Appeal]):
    """For the appellant: without the moderator who decided."""

    id = serializers.UUIDField()
    action_id = serializers.UUIDField()
    text = serializers.CharField()
    status = serializers.ChoiceField(choices=Appeal.Status.values)
    note = serializers.CharField(help_text="The reason for the decision.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


@example(
    {
        "subject": "Your post was taken down",
        "paragraphs": ["We have taken down your post of 3 November 2026: other users cannot see it."],
        "can_appeal": True,
        "appeal": None,
    }
)
class DecisionSerializer(serializers.Serializer[Any]):
    """A decision for the affected user, without the moderator who decided."""

    id = serializers.UUIDField()
    action = serializers.ChoiceField(choices=ModerationAction.Action.values)
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_id = serializers.UUIDField()
    created_at = serializers.DateTimeField()
    subject = serializers.CharField(help_text="The subject of the statement of reasons.")
    paragraphs = serializers.ListField(child=serializers.CharField(), help_text="The statement of reasons.")
    can_appeal = serializers.BooleanField()
    appeal = AppealSerializer(allow_null=True)


def serialize_decision(action: ModerationAction) -> dict[str, Any]:
    """The representation of `DecisionSerializer`."""
    statement = statements.compose(action)
    appeal = Appeal.objects.against(action.pk).first()
    return {
        "id": action.pk,
        "action": action.action,
        "target_type": action.target_type,
        "target_id": action.target_id,
        "created_at": action.created_at,
        "subject": statement.subject,
        "paragraphs": statement.paragraphs,
        "can_appeal": appeal is None and ModerationAction.objects.in_force().filter(pk=action.pk).exists(),
        "appeal": AppealSerializer(appeal).data if appeal else None,
    }


@example({"decided_by": None})
class AppealCaseSerializer(AppealSerializer):
    """For moderators; of an appeal selected by `with_action()`."""

    appellant = UserSummarySerializer()
    action = ModerationActionSerializer()
    decided_by = UserSummarySerializer(allow_null=True)


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
@example({"category": "spam", "note": "The same advertisement under every post."})
class MakeFlagSerializer(StrictSerializer):
    category = serializers.ChoiceField(choices=Category.values)
    note = TextField(max_length=1000, allow_blank=True, required=False)


@example({"resolution": "dismissed", "note": "It is a joke."})
class ResolveFlagSerializer(StrictSerializer):
    resolution = serializers.ChoiceField(choices=[Flag.Status.RESOLVED.value, Flag.Status.DISMISSED.value])
    note = TextField(max_length=1000, allow_blank=True, required=False)


@example({"reason": "It is an advertisement.", "category": "spam"})
class TakeDownSerializer(StrictSerializer):
    reason = TextField(max_length=1000, help_text="The affected user sees it.")
    category = serializers.ChoiceField(choices=Category.values)


@example({"until": "2040-01-01T00:00:00.000Z"})
class SuspendSerializer(TakeDownSerializer):
    until = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Absent or null: until the suspension is lifted."
    )


@example({"reason": "A mistake of ours."})
class RestoreSerializer(StrictSerializer):
    reason = TextField(max_length=1000, allow_blank=True, required=False, help_text="The affected user sees it.")


@example({"reason": "A mistake of ours."})
class UndoSerializer(StrictSerializer):
    reason = TextField(max_length=1000, help_text="The affected user sees it.")


@example({"text": "It is my own photo."})
class MakeAppealSerializer(StrictSerializer):
    text = TextField(max_length=2000)
    token = SecretField(required=False, help_text="From the link in the mail, for users who cannot sign in.")


@example({"decision": "uphold", "note": "It is an advertisement."})
class DecideAppealSerializer(StrictSerializer):
    decision = serializers.ChoiceField(choices=["uphold", "overturn"])
    note = TextField(max_length=1000, allow_blank=True, required=False)

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The arguments of `services.decide_appeal`."""
        values = super().to_internal_value(data)
        return {"overturn": values["decision"] == "overturn", "note": values.get("note", "")}
