"""Invitations, and domains of e-mail addresses."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from apps.accounts.invitations import DEFAULT_DAYS, MOST_DAYS, MOST_USES
from apps.accounts.models import EmailDomain, Invitation, User
from apps.console.base import linked
from apps.moderation import registration
from apps.moderation.admin.safety import RuleAdmin, RuleForm


class InviteForm(RuleForm):
    max_uses = forms.IntegerField(
        min_value=1, max_value=MOST_USES, initial=1, label="People", widget=UnfoldAdminIntegerFieldWidget
    )
    days = forms.IntegerField(
        min_value=1, max_value=MOST_DAYS, initial=DEFAULT_DAYS, label="Days", widget=UnfoldAdminIntegerFieldWidget
    )
    field_order = ["max_uses", "days", "reason"]


@admin.register(Invitation)
class InvitationAdmin(RuleAdmin):
    """Codes with which people sign up. Admins invite here without a quota, also while registration is closed."""

    list_display = ["code", linked("creator"), "by_operator", "uses", "max_uses", "expires_at", "revoked_at"]
    list_select_related = ["creator"]
    searched_people = ["creator"]
    searched_texts = ["code"]
    narrowed_by = ["creator"]
    ordering = ["-id"]
    actions = ["revoke"]
    form_page, add_title, made = InviteForm, "Invite people", "The invitation is created. Its code is in the list."

    def has_rule_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return "admin" in cast(User, request.user).roles

    def make(self, by: User, **fields: Any) -> object:
        return registration.invite(by=by, **fields)

    @admin.action(description="Revoke", permissions=["rule"])
    def revoke(self, request: HttpRequest, invitations: "QuerySet[Invitation]") -> None:
        self.decide(request, invitations, registration.revoke_invitation, "revoked")


class EmailDomainForm(RuleForm):
    domain = forms.CharField(
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text="With its subdomains, such as example.com. The most specific domain decides.",
    )
    effect = forms.ChoiceField(choices=EmailDomain.Effect.choices, widget=UnfoldAdminSelectWidget)
    field_order = ["domain", "effect", "reason"]


@admin.register(EmailDomain)
class EmailDomainAdmin(RuleAdmin):
    """Domains whose e-mail addresses are refused, besides the list of disposable domains, or accepted nevertheless."""

    list_display = ["domain", "effect", "reason", "created_at"]
    list_filter = ["effect"]
    searched_texts = ["domain"]
    ordering = ["-id"]
    actions = ["remove"]
    form_page, add_title, made = EmailDomainForm, "Refuse or accept a domain", "Saved. It takes effect at once."

    def make(self, by: User, **fields: Any) -> object:
        return registration.add_email_domain(by=by, **fields)

    @admin.action(description="Remove the rule", permissions=["rule"])
    def remove(self, request: HttpRequest, rules: "QuerySet[EmailDomain]") -> None:
        self.decide(request, rules, registration.remove_email_domain, "removed")
