"""Reason templates and proposed suspensions."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin, linked
from apps.moderation.cases import policies
from apps.moderation.models import ReasonTemplate, SuspensionProposal
from apps.moderation.roles import may_change_rules


@admin.register(ReasonTemplate)
class ReasonTemplateAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Reason templates. Changes go through `policies`, which records them."""

    list_display = ["title", "action", "category", "text"]
    list_filter = ["action", "category"]
    search_fields = ["title", "text"]
    ordering = ["action", "title"]
    show_full_result_count = False
    actions = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may_change_rules(cast(User, request.user))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_rules(cast(User, request.user))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may_change_rules(cast(User, request.user))

    def save_model(self, request: HttpRequest, obj: ReasonTemplate, form: Any, change: bool) -> None:
        policies.save_template(obj, by=cast(User, request.user))

    def delete_model(self, request: HttpRequest, obj: ReasonTemplate) -> None:
        policies.delete_template(obj, by=cast(User, request.user))


@admin.register(SuspensionProposal)
class SuspensionProposalAdmin(ReadOnlyAdmin):
    """Proposed permanent suspensions. They are confirmed or rejected on the page of their case."""

    list_display = [
        "id",
        linked("person"),
        "category",
        "reason",
        linked("proposed_by"),
        "status",
        "expires_at",
        linked("decided_by"),
        "case",
    ]
    list_select_related = ["person", "proposed_by", "decided_by"]
    list_filter = ["status", "category"]
    searched_ids = ["id"]
    searched_people = ["person"]
    narrowed_by = ["person"]
    ordering = ["-id"]

    @admin.display(description="case")
    def case(self, proposal: SuspensionProposal) -> str:
        url = reverse("admin:moderation_flag_case", args=[proposal.target_type, proposal.target_id])
        return format_html('<a href="{}">Open the case</a>', url)
