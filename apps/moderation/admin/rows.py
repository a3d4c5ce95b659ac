"""The lists of reports, actions and appeals."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.forms import ActionForm

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin, Related, change_url, linked
from apps.core.errors import DomainError
from apps.moderation import services
from apps.moderation.admin.urls import CaseUrls, page_urls
from apps.moderation.models import Appeal, Flag, ModerationAction, TargetType

TARGETS = {TargetType.USER: "accounts.User", TargetType.POST: "content.Post", TargetType.COMMENT: "engagement.Comment"}


@admin.display(description="target")
def target(row: Flag | ModerationAction) -> str:
    """A link to the target, which may be deleted. A report of an erased account has none."""
    if row.target_id is None:
        return "–"
    page = change_url(TARGETS[TargetType(row.target_type)], row.target_id)
    return format_html('<a href="{}">{} {}</a>', page, row.target_type, row.target_id)


class ReasonForm(ActionForm):  # type: ignore[misc]  # unfold carries no types
    reason = forms.CharField(
        required=False, max_length=1000, label="Reason (the affected user or the reporter sees it)"
    )


class ModeratingAdmin(ReadOnlyAdmin):
    """Lists with actions that call a service for each selected row, with the reason of the form."""

    action_form = ReasonForm

    def has_moderate_permission(self, request: HttpRequest) -> bool:
        return cast(User, request.user).is_moderator

    @staticmethod
    def decide(request: HttpRequest, rows: Iterable[Any], service: Callable[[Any, User, str], object]) -> None:
        """Call `service(row, moderator, reason)` for each row. Errors are shown and do not stop the others."""
        done = 0
        for row in rows:
            try:
                service(row, cast(User, request.user), request.POST.get("reason", ""))
                done += 1
            except DomainError as refusal:
                messages.error(request, f"{row}: {refusal.detail}")
        messages.info(request, f"{done} decided.")


@admin.register(Flag)
class FlagAdmin(CaseUrls, ModeratingAdmin):
    list_display = ["id", "category", target, linked("subject"), "note", "status", linked("resolved_by"), "created_at"]
    list_select_related = ["subject", "resolved_by"]
    list_filter = ["status", "category", "target_type"]
    searched_ids = ["id", "target_id"]
    searched_people = ["subject"]
    narrowed_by = ["subject", "target_id"]
    ordering = ["-id"]
    # The reporter is shown on the page of the case only, with the record of their reports.
    exclude = ["reporter"]
    actions = ["resolve", "dismiss"]

    @admin.action(description="Resolve: action was taken", permissions=["moderate"])
    def resolve(self, request: HttpRequest, flags: "QuerySet[Flag]") -> None:
        self._close(request, flags, Flag.Status.RESOLVED)

    @admin.action(description="Dismiss: no violation", permissions=["moderate"])
    def dismiss(self, request: HttpRequest, flags: "QuerySet[Flag]") -> None:
        self._close(request, flags, Flag.Status.DISMISSED)

    def _close(self, request: HttpRequest, flags: "QuerySet[Flag]", resolution: str) -> None:
        self.decide(
            request,
            flags,
            lambda flag, by, reason: services.resolve_flag(flag, by=by, resolution=resolution, note=reason),
        )


@admin.register(ModerationAction)
class ModerationActionAdmin(ReadOnlyAdmin):
    """The audit. `attempts` without `mailed_at` means that the statement of reasons was not sent."""

    list_display = ["id", "action", target, linked("actor"), "category", "reason", "mailed_at", "attempts", "undo"]
    list_select_related = ["actor", "statement", "reversal"]
    list_filter = ["action", "category", "target_type"]
    searched_ids = ["id", "target_id"]
    searched_people = ["actor", "affected_id"]
    narrowed_by = ["actor", "affected_id", "target_id"]
    related = [Related("Appeal", "moderation.Appeal", "action")]
    ordering = ["-id"]

    def get_urls(self) -> list[Any]:
        return [*page_urls(self), *super().get_urls()]

    @admin.display(description="mailed at")
    def mailed_at(self, action: ModerationAction) -> Any:
        return action.statement.mailed_at if hasattr(action, "statement") else None

    @admin.display(description="attempts")
    def attempts(self, action: ModerationAction) -> int | None:
        return action.statement.attempts if hasattr(action, "statement") else None

    @admin.display(description="undo")
    def undo(self, action: ModerationAction) -> str:
        """A link for actions in force."""
        if not action.can_be_undone:
            return ""
        return format_html('<a href="{}">Undo</a>', reverse("admin:moderation_moderationaction_undo", args=[action.pk]))


@admin.register(Appeal)
class AppealAdmin(ModeratingAdmin):
    """Without the objections of reporters, who are confidential: the page "Appeals" shows these without a name."""

    list_display = ["id", linked("appellant"), linked("action"), "text", "status", linked("decided_by"), "created_at"]
    list_select_related = ["appellant", "action", "decided_by"]
    list_filter = ["status"]
    searched_ids = ["id", "action"]
    searched_people = ["appellant"]
    narrowed_by = ["appellant", "action"]
    ordering = ["-id"]
    actions = ["uphold", "overturn"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Appeal]":
        return cast("QuerySet[Appeal]", super().get_queryset(request).by_affected_users())

    @admin.action(description="Uphold the decision", permissions=["moderate"])
    def uphold(self, request: HttpRequest, appeals: "QuerySet[Appeal]") -> None:
        self._decide(request, appeals, overturn=False)

    @admin.action(description="Overturn the decision and undo it", permissions=["moderate"])
    def overturn(self, request: HttpRequest, appeals: "QuerySet[Appeal]") -> None:
        self._decide(request, appeals, overturn=True)

    def _decide(self, request: HttpRequest, appeals: "QuerySet[Appeal]", *, overturn: bool) -> None:
        self.decide(
            request,
            appeals,
            lambda appeal, by, reason: services.decide_appeal(appeal, by=by, overturn=overturn, note=reason),
        )
