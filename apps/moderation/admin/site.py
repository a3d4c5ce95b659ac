"""What the operator sets for the whole site. Only admins see and change it."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from apps.accounts.models import User
from apps.console.base import is_administrator
from apps.core.db.locks import transaction_lock
from apps.core.errors import Conflict
from apps.moderation import site
from apps.moderation.admin.safety import RuleAdmin, RuleForm
from apps.site import reads, services
from apps.site.logos import MAX_BYTES, MAX_EDGE
from apps.site.models import Announcement, DocumentVersion, Rule, RuleVersion, SiteSettings


class TimeField(forms.DateTimeField):
    """A time in UTC, which browsers offer to choose."""

    widget = UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})

    def prepare_value(self, value: Any) -> Any:
        return f"{value:%Y-%m-%dT%H:%M}" if isinstance(value, datetime) else value


class TextsForm(RuleForm):
    """Fields for a text in each language of the site. `parts`: {name: maximum length}; long ones have several lines."""

    parts: ClassVar[dict[str, int]]
    LONG = 200

    def __init__(self, *args: Any, texts: services.Texts | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for language, name in settings.LANGUAGES:
            for part, length in self.parts.items():
                self.fields[f"{part}_{language}"] = forms.CharField(
                    required=False,
                    max_length=length,
                    label=f"{part.capitalize()} ({name})",
                    initial=(texts or {}).get(language, {}).get(part, ""),
                    widget=UnfoldAdminTextareaWidget if length > self.LONG else UnfoldAdminTextInputWidget,
                )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        texts = {
            language: {part: data.pop(f"{part}_{language}", "") for part in self.parts}
            for language, _ in settings.LANGUAGES
        }
        return data | {"texts": texts}


def digest_of(rows: Sequence[Model]) -> str:
    """Differs after a change of any field."""
    values = [str(getattr(row, field.attname)) for row in rows for field in row._meta.concrete_fields]
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


class SiteAdmin(RuleAdmin):
    """Lists whose rows admins add and change on a page of their own."""

    made = "Saved. It takes effect within seconds."

    def has_rule_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return is_administrator(request)

    def change_response(
        self,
        request: HttpRequest,
        form: RuleForm,
        save: Callable[[dict[str, Any]], None],
        *,
        read: Callable[[], Sequence[Model]],
        title: str,
    ) -> HttpResponse:
        """As `form_response`, for a page that changes the rows of `read()`. Refuses to overwrite a change that another
        admin has made since the page was opened."""
        form.fields["opened"] = forms.CharField(widget=forms.HiddenInput, initial=digest_of(read()))

        @transaction.atomic
        def save_unless_changed(fields: dict[str, Any]) -> None:
            transaction_lock("site")
            if fields.pop("opened") != digest_of(read()):
                raise Conflict("Another admin has changed this since you opened the page. Open it again.")
            save(fields)

        return self.form_response(request, form, save_unless_changed, title=title)

    @staticmethod
    def title_of(texts: services.Texts, part: str) -> str:
        return reads.translate(texts).get(part, "")[:100]


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────
class LogoForm(RuleForm):
    """The fields of the logo, before which the settings are added."""

    logo = forms.FileField(
        required=False,
        label="New logo",
        help_text=f"A square PNG of at most {MAX_BYTES // 1000} KB and {MAX_EDGE} pixels.",
    )
    remove_logo = forms.BooleanField(required=False, label="Remove the logo", widget=UnfoldBooleanSwitchWidget)


@admin.register(SiteSettings)
class SiteSettingsAdmin(SiteAdmin):
    """The settings of the site: one row at most."""

    list_display = ["__str__", "registration", "accent", "changed_at"]
    ordering = ["id"]
    actions = None
    actions_list = ["change_settings"]

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_settings(self, request: HttpRequest) -> HttpResponse:
        shown = forms.fields_for_model(
            SiteSettings,
            exclude=["logo"],
            formfield_callback=partial(self.formfield_for_dbfield, request=request),
        )

        def read() -> list[SiteSettings]:
            return [SiteSettings.objects.first() or SiteSettings()]

        def save(fields: dict[str, Any]) -> None:
            by, reason = cast(User, request.user), fields["reason"]
            site.change_settings(by=by, reason=reason, **{name: fields[name] for name in shown})
            if fields["logo"] or fields["remove_logo"]:
                uploaded = fields["logo"].read() if fields["logo"] else None
                site.set_logo(uploaded, by=by, reason=reason)

        [row] = read()
        form_class = cast(type[RuleForm], type("SettingsForm", (LogoForm,), dict(shown)))
        form = form_class(request.POST or None, request.FILES or None, initial=model_to_dict(row, shown))
        form.order_fields([*shown, "logo", "remove_logo", "reason"])
        return self.change_response(request, form, save, read=read, title="Site settings")


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
class SiteRuleForm(TextsForm):
    parts: ClassVar = {"title": services.MAX_TITLE, "text": services.MAX_TEXT}


class ChangeSiteRuleForm(SiteRuleForm):
    position = forms.IntegerField(
        min_value=0,
        max_value=1000,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Rules are listed by position.",
    )


@admin.register(Rule)
class SiteRuleAdmin(SiteAdmin):
    """The rules for members."""

    list_display = ["rule_title", "position", "version", "created_at", "withdrawn_at"]
    ordering = ["position", "id"]
    actions = ["withdraw"]
    actions_detail = ["change_rule"]
    form_page, add_title = SiteRuleForm, "Add a rule"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Rule]":
        rules: QuerySet[Rule] = super().get_queryset(request).prefetch_related("versions")
        return rules

    @staticmethod
    def _newest(rule: Rule) -> RuleVersion:
        newest: RuleVersion = max(rule.versions.all(), key=lambda version: version.number)
        return newest

    @admin.display(description="title")
    def rule_title(self, rule: Rule) -> str:
        return self.title_of(self._newest(rule).texts, "title")

    @admin.display(description="version")
    def version(self, rule: Rule) -> int:
        return self._newest(rule).number

    def make(self, by: User, **fields: Any) -> object:
        return site.add_rule(by=by, **fields)

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_rule(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def read() -> tuple[Rule, RuleVersion]:
            found = get_object_or_404(Rule, pk=object_id)
            return found, self._newest(found)

        rule, newest = read()
        form = ChangeSiteRuleForm(request.POST or None, texts=newest.texts, initial={"position": rule.position})

        def save(fields: dict[str, Any]) -> None:
            site.change_rule(rule, by=cast(User, request.user), **fields)

        return self.change_response(request, form, save, read=read, title="Change a rule")

    @admin.action(description="Withdraw", permissions=["rule"])
    def withdraw(self, request: HttpRequest, rules: "QuerySet[Rule]") -> None:
        self.decide(request, rules, site.withdraw_rule, "withdrawn")


# ── Terms and privacy policy ─────────────────────────────────────────────────────────────────────────────
class DocumentTextsForm(TextsForm):
    parts: ClassVar = {"text": services.MAX_DOCUMENT, "changes": services.MAX_TEXT}


class PublishForm(DocumentTextsForm):
    kind = forms.ChoiceField(choices=DocumentVersion.Kind.choices, widget=UnfoldAdminSelectWidget)
    effective_at = TimeField(required=False, label="In effect from (UTC)", help_text="Empty: from now on.")


@admin.register(DocumentVersion)
class DocumentVersionAdmin(SiteAdmin):
    """The versions of the terms and of the privacy policy. Members are asked to accept each when it takes effect."""

    list_display = ["kind", "number", "effective_at", "created_at"]
    list_filter = ["kind"]
    ordering = ["-id"]
    actions = ["withdraw"]
    actions_detail = ["change_document"]
    form_page, add_title = PublishForm, "Publish a new version"

    def make(self, by: User, **fields: Any) -> object:
        return site.publish_document(by=by, **fields)

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_document(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def read() -> list[DocumentVersion]:
            return [get_object_or_404(DocumentVersion, pk=object_id)]

        [version] = read()
        form = DocumentTextsForm(request.POST or None, texts=version.texts)

        def save(fields: dict[str, Any]) -> None:
            site.change_document(version, by=cast(User, request.user), **fields)

        return self.change_response(request, form, save, read=read, title=f"Change {version}")

    @admin.action(description="Withdraw, before it takes effect", permissions=["rule"])
    def withdraw(self, request: HttpRequest, versions: "QuerySet[DocumentVersion]") -> None:
        self.decide(request, versions, site.withdraw_document, "withdrawn")


# ── Announcements ────────────────────────────────────────────────────────────────────────────────────────
class AnnouncementForm(TextsForm):
    parts: ClassVar = {"text": services.MAX_ANNOUNCEMENT}
    starts_at = TimeField(required=False, label="Shown from (UTC)", help_text="Empty: from now on.")
    ends_at = TimeField(required=False, label="Shown until (UTC)", help_text="Empty: until it is removed.")


@admin.register(Announcement)
class AnnouncementAdmin(SiteAdmin):
    """Messages to all visitors."""

    list_display = ["text", "starts_at", "ends_at", "created_at"]
    ordering = ["-id"]
    actions = ["remove"]
    actions_detail = ["change_announcement"]
    form_page, add_title = AnnouncementForm, "Add an announcement"

    @admin.display(description="text")
    def text(self, announcement: Announcement) -> str:
        return self.title_of(announcement.texts, "text")

    def make(self, by: User, **fields: Any) -> object:
        return site.save_announcement(None, by=by, **fields)

    @action(description="Change", url_path="set", permissions=["rule"])  # type: ignore[untyped-decorator]
    def change_announcement(self, request: HttpRequest, object_id: str) -> HttpResponse:
        def read() -> list[Announcement]:
            return [get_object_or_404(Announcement, pk=object_id)]

        [row] = read()
        times = {"starts_at": row.starts_at, "ends_at": row.ends_at}
        minutes = {name: time and time.replace(second=0, microsecond=0) for name, time in times.items()}
        form = AnnouncementForm(request.POST or None, texts=row.texts, initial=minutes)

        def save(fields: dict[str, Any]) -> None:
            # The form shows whole minutes.
            kept = {name: time for name, time in times.items() if name not in form.changed_data}
            site.save_announcement(row, by=cast(User, request.user), **fields | kept)

        return self.change_response(request, form, save, read=read, title="Change an announcement")

    @admin.action(description="Remove", permissions=["rule"])
    def remove(self, request: HttpRequest, announcements: "QuerySet[Announcement]") -> None:
        self.decide(request, announcements, site.remove_announcement, "removed")
