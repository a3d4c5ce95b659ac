"""What may not be published, in the console: moderators look at it, senior moderators and admins change it."""

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from apps.accounts.models import User
from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import Refusal
from apps.media.models import Media
from apps.moderation import safety
from apps.moderation.admin.rows import ReasonForm
from apps.moderation.roles import may_change_rules
from apps.safety.models import BlockedImage


class RuleForm(forms.Form):
    """What a new rule says; `reason` goes into the trail."""

    reason = forms.CharField(
        max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), help_text="Kept in the trail."
    )


class RuleAdmin(ReadOnlyAdmin):
    """Rules are made on a page of their own and taken back by an action; both call a verb, with the reason given."""

    form_page: type[RuleForm]
    made = "Made."
    add_title = ""
    action_form = ReasonForm
    actions_list = ["new"]

    def has_rule_permission(self, request: HttpRequest) -> bool:
        return may_change_rules(cast(User, request.user))

    def make(self, by: User, **said: Any) -> object:
        raise NotImplementedError

    @action(description="New", url_path="new", permissions=["rule"])  # type: ignore[untyped-decorator]  # unfold carries no types
    def new(self, request: HttpRequest) -> HttpResponse:
        """The page that makes a rule: what the verb refuses is told above the form."""
        form = self.form_page(request.POST or None, initial=request.GET.dict())
        if request.method == "POST" and form.is_valid():
            try:
                self.make(cast(User, request.user), **form.cleaned_data)
                messages.success(request, self.made)
                return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
            except Refusal as refusal:
                form.add_error(None, refusal.detail)
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": self.add_title, "form": form}
        return TemplateResponse(request, "console/safety/rule.html", context, status=200 if not form.errors else 400)

    @staticmethod
    def take_back(request: HttpRequest, rows: "QuerySet[Any]", verb: Callable[..., bool]) -> None:
        """`verb` for each row, with the reason given; what is refused is told."""
        done = 0
        for row in rows:
            try:
                done += verb(row, by=cast(User, request.user), reason=request.POST.get("reason", ""))
            except Refusal as refusal:
                reasons = [fault["message"] for fault in refusal.extra.get("errors", [])]
                messages.error(request, f"{row}: {' '.join(reasons) or refusal.detail}")
        messages.info(request, f"{done} lifted.")


class BanForm(RuleForm):
    medium = forms.UUIDField(
        label="Photo",
        widget=UnfoldAdminTextInputWidget,
        help_text="The id of the photo, which has to be in a post that is taken down.",
    )
    field_order = ["medium", "reason"]

    def clean_medium(self) -> Media:
        medium: Media | None = Media.objects.filter(pk=self.cleaned_data["medium"]).first()
        if medium is None:
            raise forms.ValidationError("There is no such photo.")
        return medium


@admin.register(BlockedImage)
class BlockedImageAdmin(RuleAdmin):
    """Pictures that may not be published again."""

    list_display = ["image_hash", "category", "reason", "medium_id", "created_at"]
    list_filter = ["category"]
    search_fields = ["medium_id"]
    ordering = ["-id"]
    actions = ["lift"]
    form_page, add_title, made = BanForm, "Ban a picture", "The picture is banned from now on."

    def make(self, by: User, **said: Any) -> object:
        return safety.ban_image(said["medium"], by=by, reason=said["reason"])

    @admin.action(description="Lift the ban", permissions=["rule"])
    def lift(self, request: HttpRequest, bans: "QuerySet[BlockedImage]") -> None:
        self.take_back(request, bans, safety.lift_ban)
