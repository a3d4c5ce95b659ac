"""Rules about blocked content. Moderators may view them; senior moderators and admins may change them."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin
from apps.core.db.ids import parse_id
from apps.core.errors import DomainError
from apps.core.validators import validate_text
from apps.media.models import Media
from apps.moderation import safety
from apps.moderation.admin.photos import Photo, photo_of
from apps.moderation.admin.rows import ReasonForm
from apps.moderation.admin.views import error_text
from apps.moderation.roles import may_change_rules
from apps.safety.models import BlockedImage, BlockedTerm, NewAccountLimit
from apps.safety.services import MAX_HOURS, MAX_LIMIT, MAX_TERM_LENGTH


class RuleForm(forms.Form):
    """The fields of a new rule. `reason` is recorded."""

    reason = forms.CharField(
        max_length=1000,
        validators=[validate_text],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Recorded in the audit.",
    )


def _add_errors(form: RuleForm, refusal: DomainError) -> None:
    """Show the errors of fields next to them, and others above the form."""
    faults = refusal.extra.get("errors") or [{"field": "", "message": refusal.detail}]
    for fault in faults:
        form.add_error(fault["field"] if fault["field"] in form.fields else None, fault["message"])


class RuleAdmin(ReadOnlyAdmin):
    """Rules are added on a page of their own and removed by an action. Both call a service with the reason."""

    form_page: type[RuleForm]
    made = "Saved."
    add_title = ""
    action_form = ReasonForm
    actions_list = ["new"]

    def has_rule_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may_change_rules(cast(User, request.user))

    def make(self, by: User, **fields: Any) -> object:
        raise NotImplementedError

    @action(description="New", url_path="new", permissions=["rule"])  # type: ignore[untyped-decorator]  # unfold carries no types
    def new(self, request: HttpRequest) -> HttpResponse:
        """The page that adds a rule. Errors are shown above the form."""
        form = self.form_page(request.POST or None, initial=request.GET.dict())

        def save(fields: dict[str, Any]) -> None:
            self.make(cast(User, request.user), **fields)

        return self.form_response(request, form, save, title=self.add_title)

    def form_response(
        self, request: HttpRequest, form: RuleForm, save: Callable[[dict[str, Any]], None], *, title: str
    ) -> HttpResponse:
        if request.method == "POST" and form.is_valid():
            try:
                save(form.cleaned_data)
                messages.success(request, self.made)
                return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
            except DomainError as refusal:
                _add_errors(form, refusal)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            "photo": self.get_photo(form),
        }
        return TemplateResponse(request, "console/safety/rule.html", context, status=200 if not form.errors else 400)

    def get_photo(self, form: RuleForm) -> Photo | None:
        """The photo that the rule is about, if any."""
        return None

    @staticmethod
    def decide(request: HttpRequest, rows: "QuerySet[Any]", service: Callable[..., bool], result: str) -> None:
        """Call the service for each row with the reason of the form. Errors are shown."""
        done = 0
        for row in rows:
            try:
                done += service(row, by=cast(User, request.user), reason=request.POST.get("reason", ""))
            except DomainError as refusal:
                messages.error(request, f"{row}: {error_text(refusal)}")
        messages.info(request, f"{done} {result}.")


class BlockTermForm(RuleForm):
    kind = forms.ChoiceField(choices=BlockedTerm.Kind.choices, widget=UnfoldAdminSelectWidget)
    text = forms.CharField(
        max_length=MAX_TERM_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text="Case does not matter. A word matches only as a whole word.",
    )
    effect = forms.ChoiceField(choices=BlockedTerm.Effect.choices, widget=UnfoldAdminSelectWidget)
    field_order = ["kind", "text", "effect", "reason"]


@admin.register(BlockedTerm)
class BlockedTermAdmin(RuleAdmin):
    """Words and domains that are refused or reported in texts."""

    list_display = ["text", "kind", "effect", "reason", "created_at"]
    list_filter = ["kind", "effect"]
    search_fields = ["text", "comparable"]
    ordering = ["-id"]
    actions = ["refuse", "flag", "lift"]
    form_page, add_title, made = BlockTermForm, "Block a word or a domain", "Blocked. It takes effect within seconds."

    def make(self, by: User, **fields: Any) -> object:
        return safety.block_term(by=by, **fields)

    @admin.action(description="Refuse texts that contain it", permissions=["rule"])
    def refuse(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, partial(safety.change_term, effect=BlockedTerm.Effect.REFUSE), "changed")

    @admin.action(description="Report texts that contain it", permissions=["rule"])
    def flag(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, partial(safety.change_term, effect=BlockedTerm.Effect.FLAG), "changed")

    @admin.action(description="Unblock", permissions=["rule"])
    def lift(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, safety.lift_term, "lifted")


class LimitForm(RuleForm):
    most = forms.IntegerField(
        min_value=0, max_value=MAX_LIMIT, label="Maximum per day", widget=UnfoldAdminIntegerFieldWidget
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=MAX_HOURS,
        label="Account age limit (hours)",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    enabled = forms.BooleanField(required=False, label="Enabled", widget=UnfoldBooleanSwitchWidget)
    field_order = ["most", "hours", "enabled", "reason"]


@admin.register(NewAccountLimit)
class NewAccountLimitAdmin(RuleAdmin):
    """Daily limits of posts, comments and follows for new accounts."""

    list_display = ["action", "most", "hours", "enabled"]
    ordering = ["action"]
    actions_list: list[str] = []
    actions_detail = ["change_limit"]
    made = "Changed. It takes effect within seconds."

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_limit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        limit = get_object_or_404(NewAccountLimit, pk=object_id)
        now = {"most": limit.most, "hours": limit.hours, "enabled": limit.enabled}

        def save(fields: dict[str, Any]) -> None:
            safety.set_limit(limit, by=cast(User, request.user), **fields)

        return self.form_response(
            request, LimitForm(request.POST or None, initial=now), save, title=f"New account limit: {limit}"
        )


class BanForm(RuleForm):
    medium = forms.UUIDField(
        label="Photo",
        widget=UnfoldAdminTextInputWidget,
        help_text="The id of a photo of a post that is taken down.",
    )
    field_order = ["medium", "reason"]

    def clean_medium(self) -> Media:
        medium = safety.find_medium(self.cleaned_data["medium"])
        if medium is None:
            raise forms.ValidationError("There is no photo with this id.")
        return medium


@admin.register(BlockedImage)
class BlockedImageAdmin(RuleAdmin):
    """Images that cannot be uploaded again."""

    list_display = ["image_hash", "category", "reason", "medium_id", "created_at"]
    list_filter = ["category"]
    search_fields = ["medium_id"]
    ordering = ["-id"]
    actions = ["lift"]
    form_page, add_title, made = BanForm, "Ban an image", "The image is banned."

    def make(self, by: User, **fields: Any) -> object:
        return safety.ban_image(fields["medium"], by=by, reason=fields["reason"])

    def get_photo(self, form: RuleForm) -> Photo | None:
        medium_id = parse_id(str(form["medium"].value() or ""))
        medium = safety.find_medium(medium_id) if medium_id else None
        # Only photos that were taken down are banned, for whatever reason: always blurred.
        return photo_of(medium, sensitive=True) if medium else None

    @admin.action(description="Lift the ban", permissions=["rule"])
    def lift(self, request: HttpRequest, bans: "QuerySet[BlockedImage]") -> None:
        self.decide(request, bans, safety.lift_ban, "lifted")
