"""What may not be published, in the console: moderators look at it, senior moderators and admins change it."""

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
from apps.console.admin import ReadOnlyAdmin
from apps.core.db.ids import parse_id
from apps.core.errors import Refusal
from apps.media.models import Media
from apps.moderation import safety
from apps.moderation.admin.pictures import Picture, picture
from apps.moderation.admin.rows import ReasonForm
from apps.moderation.roles import may_change_rules
from apps.safety.models import BlockedImage, BlockedTerm, NewAccountLimit
from apps.safety.services import MAX_HOURS, MAX_LIMIT, MAX_TERM_LENGTH


class RuleForm(forms.Form):
    """What a new rule says; `reason` goes into the trail."""

    reason = forms.CharField(
        max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}), help_text="Kept in the trail."
    )


def _told(refusal: Refusal) -> str:
    return " ".join(fault["message"] for fault in refusal.extra.get("errors", [])) or refusal.detail


class RuleAdmin(ReadOnlyAdmin):
    """Rules are made on a page of their own and taken back by an action; both call a verb, with the reason given."""

    form_page: type[RuleForm]
    made = "Made."
    add_title = ""
    action_form = ReasonForm
    actions_list = ["new"]

    def has_rule_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may_change_rules(cast(User, request.user))

    def make(self, by: User, **said: Any) -> object:
        raise NotImplementedError

    @action(description="New", url_path="new", permissions=["rule"])  # type: ignore[untyped-decorator]  # unfold carries no types
    def new(self, request: HttpRequest) -> HttpResponse:
        """The page that makes a rule: what the verb refuses is told above the form."""
        form = self.form_page(request.POST or None, initial=request.GET.dict())

        def save(said: dict[str, Any]) -> None:
            self.make(cast(User, request.user), **said)

        return self.form_answer(request, form, save, title=self.add_title)

    def form_answer(
        self, request: HttpRequest, form: RuleForm, save: Callable[[dict[str, Any]], None], *, title: str
    ) -> HttpResponse:
        if request.method == "POST" and form.is_valid():
            try:
                save(form.cleaned_data)
                messages.success(request, self.made)
                return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
            except Refusal as refusal:
                form.add_error(None, _told(refusal))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": title,
            "form": form,
            "picture": self.pictured(form),
        }
        return TemplateResponse(request, "console/safety/rule.html", context, status=200 if not form.errors else 400)

    def pictured(self, form: RuleForm) -> Picture | None:
        """What the rule is about, if that can be shown."""
        return None

    @staticmethod
    def decide(request: HttpRequest, rows: "QuerySet[Any]", verb: Callable[..., bool], done_is: str) -> None:
        """`verb` for each row, with the reason given; what is refused is told."""
        done = 0
        for row in rows:
            try:
                done += verb(row, by=cast(User, request.user), reason=request.POST.get("reason", ""))
            except Refusal as refusal:
                messages.error(request, f"{row}: {_told(refusal)}")
        messages.info(request, f"{done} {done_is}.")


class BlockTermForm(RuleForm):
    kind = forms.ChoiceField(choices=BlockedTerm.Kind.choices, widget=UnfoldAdminSelectWidget)
    text = forms.CharField(
        max_length=MAX_TERM_LENGTH,
        widget=UnfoldAdminTextInputWidget,
        help_text="Upper and lower case are the same. A word counts where it stands by itself, not inside another.",
    )
    effect = forms.ChoiceField(choices=BlockedTerm.Effect.choices, widget=UnfoldAdminSelectWidget)
    field_order = ["kind", "text", "effect", "reason"]


@admin.register(BlockedTerm)
class BlockedTermAdmin(RuleAdmin):
    """Words and domains that may not be written, or are reported where they are."""

    list_display = ["text", "kind", "effect", "reason", "created_at"]
    list_filter = ["kind", "effect"]
    search_fields = ["text", "comparable"]
    ordering = ["-id"]
    actions = ["refuse", "flag", "lift"]
    form_page, add_title, made = BlockTermForm, "Block a word or a domain", "Blocked within seconds, everywhere."

    def make(self, by: User, **said: Any) -> object:
        return safety.block_term(by=by, **said)

    @admin.action(description="Refuse what contains it", permissions=["rule"])
    def refuse(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, partial(safety.change_term, effect=BlockedTerm.Effect.REFUSE), "changed")

    @admin.action(description="Report what contains it", permissions=["rule"])
    def flag(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, partial(safety.change_term, effect=BlockedTerm.Effect.FLAG), "changed")

    @admin.action(description="Block it no longer", permissions=["rule"])
    def lift(self, request: HttpRequest, terms: "QuerySet[BlockedTerm]") -> None:
        self.decide(request, terms, safety.lift_term, "lifted")


class LimitForm(RuleForm):
    most = forms.IntegerField(
        min_value=0, max_value=MAX_LIMIT, label="Most a day", widget=UnfoldAdminIntegerFieldWidget
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=MAX_HOURS,
        label="For accounts younger than … hours",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    enabled = forms.BooleanField(required=False, label="In force", widget=UnfoldBooleanSwitchWidget)
    field_order = ["most", "hours", "enabled", "reason"]


@admin.register(NewAccountLimit)
class NewAccountLimitAdmin(RuleAdmin):
    """How often a day new accounts may post, comment and follow."""

    list_display = ["action", "most", "hours", "enabled"]
    ordering = ["action"]
    actions_list: list[str] = []
    actions_detail = ["change_limit"]
    made = "Changed; it holds everywhere within seconds."

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_limit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        limit = get_object_or_404(NewAccountLimit, pk=object_id)
        now = {"most": limit.most, "hours": limit.hours, "enabled": limit.enabled}

        def save(said: dict[str, Any]) -> None:
            safety.set_limit(limit, by=cast(User, request.user), **said)

        return self.form_answer(
            request, LimitForm(request.POST or None, initial=now), save, title=f"Limit of new accounts: {limit}"
        )


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

    def pictured(self, form: RuleForm) -> Picture | None:
        medium_id = parse_id(str(form["medium"].value() or ""))
        medium = Media.objects.filter(pk=medium_id).first() if medium_id else None
        return picture(medium) if medium else None

    @admin.action(description="Lift the ban", permissions=["rule"])
    def lift(self, request: HttpRequest, bans: "QuerySet[BlockedImage]") -> None:
        self.decide(request, bans, safety.lift_ban, "lifted")
