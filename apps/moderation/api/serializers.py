from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.accounts.api.serializers import UserSummarySerializer
from apps.core.api.fields import SecretField, TextField
from apps.core.api.schema import example
from apps.core.api.serializers import StrictSerializer
from apps.moderation.appeals import statements
from apps.moderation.appeals.objections import is_objection
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType
from apps.moderation.reporters import OwnReport
from apps.site import reads as site
from apps.site.models import RuleVersion


class RuleField(serializers.UUIDField):
    """The id of a rule in force. Its value is the present version of the rule."""

    default_error_messages = {"does_not_exist": _("The site has no such rule.")}

    def to_internal_value(self, data: Any) -> Any:
        rule_id = super().to_internal_value(data)
        version = next((each for each in site.rules() if each.rule_id == rule_id), None)
        return version or self.fail("does_not_exist")


# ── Responses ────────────────────────────────────────────────────────────────────────────────────────────
@example({"version": 2, "title": "No spam"})
class CitedRuleSerializer(serializers.Serializer[RuleVersion]):
    """A rule in the wording that it had when it was cited."""

    id = serializers.UUIDField()
    version = serializers.IntegerField()
    title = serializers.CharField()

    def to_representation(self, instance: RuleVersion) -> dict[str, Any]:
        return {
            "id": instance.rule_id,
            "version": instance.number,
            "title": site.translate(instance.texts)["title"],
        }


@example({"target_type": "post", "note": "The same advertisement under every post."})
class FlagSerializer(serializers.Serializer[Flag]):
    """Without the reporter: moderators judge the content, not the reporter."""

    id = serializers.UUIDField()
    target_type = serializers.ChoiceField(choices=TargetType.values)
    target_id = serializers.UUIDField(allow_null=True, help_text="null: an account that was erased.")
    category = serializers.ChoiceField(choices=Category.values)
    rule = CitedRuleSerializer(source="rule_version", allow_null=True)
    note = serializers.CharField()
    status = serializers.ChoiceField(
        choices=Flag.Status.values, help_text="`obsolete`: closed without a decision, as the account was erased."
    )
    created_at = serializers.DateTimeField()


@example({"text": "It is an advertisement.", "note": "", "decided_at": None})
class ObjectionSerializer(serializers.Serializer[Appeal]):
    """For the reporter: without the moderator who decided."""

    text = serializers.CharField()
    status = serializers.ChoiceField(
        choices=Appeal.Status.values,
        help_text="`upheld`: the report stays dismissed. `overturned`: it is open again, unless a newer report of the "
        "reporter is.",
    )
    note = serializers.CharField(help_text="The reason for the decision.")
    created_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


@example(
    {
        "target_type": "post",
        "note": "The same advertisement under every post.",
        "status": "dismissed",
        "outcome": "We have reviewed your report and taken no action.",
        "reason": "We found nothing that breaks our rules or the law.",
        "objection": None,
    }
)
class OwnFlagSerializer(FlagSerializer):
    """A report for its reporter, in the language of the request. It names no measure against the reported account."""

    decided_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    reason = serializers.CharField(help_text="The reason for the outcome; empty while the report is open.")
    may_object = serializers.BooleanField(help_text="Whether the reporter can object to the dismissal.")
    object_until = serializers.DateTimeField(allow_null=True, help_text="The end of the period for an objection.")
    objection = ObjectionSerializer(allow_null=True)


def serialize_own_report(report: OwnReport) -> dict[str, Any]:
    """The representation of `OwnFlagSerializer`."""
    # The class of the rows is that of moderators' lists.
    row: Any = report
    serialized: dict[str, Any] = OwnFlagSerializer(row).data
    return serialized


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
    rule = CitedRuleSerializer(source="rule_version", allow_null=True)
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
        "reversed_at": None,
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
    reversed_at = serializers.DateTimeField(allow_null=True, help_text="When the action was undone or replaced.")
    subject = serializers.CharField(help_text="The subject of the statement of reasons.")
    paragraphs = serializers.ListField(child=serializers.CharField(), help_text="The statement of reasons.")
    can_appeal = serializers.BooleanField()
    appeal = AppealSerializer(allow_null=True)


def serialize_decision(action: ModerationAction) -> dict[str, Any]:
    """The representation of `DecisionSerializer`. Without a query for an action of `for_affected()`."""
    statement = statements.compose(action)
    appeal: Appeal | None = getattr(action, "appeal", None)
    return {
        "id": action.pk,
        "action": action.action,
        "target_type": action.target_type,
        "target_id": action.target_id,
        "created_at": action.created_at,
        "reversed_at": action.reversed_at,
        "subject": statement.subject,
        "paragraphs": statement.paragraphs,
        "can_appeal": appeal is None and action.can_be_undone,
        "appeal": AppealSerializer(appeal).data if appeal else None,
    }


@example({"decided_by": None})
class AppealCaseSerializer(AppealSerializer):
    """For moderators; of an appeal selected by `with_action()`."""

    appellant = serializers.SerializerMethodField()
    action = ModerationActionSerializer()
    decided_by = UserSummarySerializer(allow_null=True)

    @extend_schema_field(UserSummarySerializer(allow_null=True))
    def get_appellant(self, appeal: Appeal) -> Any:
        """null: the reporter who objects to the dismissal of a report; moderators judge the content."""
        return None if is_objection(appeal) else UserSummarySerializer(appeal.appellant).data


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────────────
@example({"category": "spam", "note": "The same advertisement under every post."})
class MakeFlagSerializer(StrictSerializer):
    category = serializers.ChoiceField(choices=Category.values)
    rule = RuleField(required=False, allow_null=True, help_text="The rule that it breaks, of `GET /v1/instance`.")
    note = TextField(max_length=1000, allow_blank=True, required=False)


@example({"resolution": "dismissed", "note": "It is a joke."})
class ResolveFlagSerializer(StrictSerializer):
    resolution = serializers.ChoiceField(choices=[Flag.Status.RESOLVED.value, Flag.Status.DISMISSED.value])
    note = TextField(max_length=1000, allow_blank=True, required=False, help_text="The reporter sees it.")


@example({"text": "It is an advertisement."})
class ObjectSerializer(StrictSerializer):
    text = TextField(max_length=2000)


@example({"reason": "It is an advertisement.", "category": "spam"})
class TakeDownSerializer(StrictSerializer):
    reason = TextField(max_length=1000, help_text="The affected user sees it.")
    category = serializers.ChoiceField(choices=Category.values)
    rule = RuleField(required=False, allow_null=True, help_text="The rule that was broken, of `GET /v1/instance`.")


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
