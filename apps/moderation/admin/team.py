"""Team notes about accounts, rules about hashtags, and mails about new reports."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin, linked
from apps.content.models import Tag
from apps.core.errors import DomainError
from apps.core.validators import validate_text
from apps.moderation import notes, preferences, tags
from apps.moderation.admin.pages import Slice, current_user
from apps.moderation.admin.views import FORM_KEYS, LIST_KEYS, ModerationView, error_text
from apps.moderation.models import Digest, TeamNote
from apps.moderation.querysets import TeamNoteQuerySet

TAGS_PER_PAGE = 50


# ── Notes ────────────────────────────────────────────────────────────────────────────────────────────────
class NoteForm(forms.Form):
    text = forms.CharField(max_length=2000, validators=[validate_text])


class AddNoteView(ModerationView):
    """Write a note about an account. POST only; leads back to the page with the form."""

    title = "Note"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, person_id: UUID) -> HttpResponse:
        person = User.objects.not_erased().filter(pk=person_id).first()
        if person is None:
            raise Http404
        form = NoteForm(request.POST)
        if not form.is_valid():
            messages.error(request, " ".join(map(str, form.errors.get("text", []))))
            return _back(request, person_id)
        try:
            notes.add(person, by=self.moderator, text=form.cleaned_data["text"])
            messages.success(request, "The note is saved. Only moderators see it.")
        except DomainError as refusal:
            messages.error(request, error_text(refusal))
        return _back(request, person_id)


class DeleteNoteView(ModerationView):
    """Delete a note. POST only."""

    title = "Note"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, note_id: UUID) -> HttpResponse:
        note = TeamNote.objects.readable_by(self.moderator.pk).filter(pk=note_id).first()
        if note is None:
            raise Http404
        try:
            notes.delete(note, by=self.moderator)
            messages.success(request, "The note is deleted.")
        except DomainError as refusal:
            messages.error(request, error_text(refusal))
        return _back(request, note.person_id)


def _back(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """To the page of the console that sent the form, or else to the page of the person."""
    back = request.POST.get("back", "")
    if back.startswith(reverse("admin:index")) and url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        return redirect(back)
    return redirect("admin:moderation_person", person_id=person_id)


@admin.register(TeamNote)
class TeamNoteAdmin(ReadOnlyAdmin):
    """All notes but those about the moderator. They are written on the page of the person."""

    list_display = ["text", linked("person"), linked("author"), "created_at"]
    list_select_related = ["person", "author"]
    searched_ids = ["id"]
    searched_people = ["person", "author"]
    narrowed_by = ["person", "author"]
    ordering = ["-id"]

    def get_queryset(self, request: HttpRequest) -> TeamNoteQuerySet:
        rows: TeamNoteQuerySet = super().get_queryset(request)
        return rows.readable_by(current_user(request).pk)


# ── Hashtags ─────────────────────────────────────────────────────────────────────────────────────────────
# {name: (label, arguments of `tags.restrict`)}
CHANGES: dict[str, tuple[str, dict[str, bool]]] = {
    "hide": ("Hide from explore and search", {"hidden": True}),
    "show": ("Show again", {"hidden": False}),
    "mark": ("Mark its posts as sensitive", {"sensitive": True}),
    "unmark": ("Remove the sensitive mark", {"sensitive": False}),
}


class RestrictTagForm(forms.Form):
    tag = forms.CharField(
        max_length=101,
        label="Hashtag",
        widget=UnfoldAdminTextInputWidget(attrs={"autocapitalize": "none", "spellcheck": "false"}),
    )
    change = forms.ChoiceField(
        choices=[(name, label) for name, (label, _) in CHANGES.items()], widget=UnfoldAdminSelectWidget
    )
    reason = forms.CharField(
        max_length=1000,
        validators=[validate_text],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Recorded in the audit. No user sees it.",
    )


class TagsPage(ModerationView):
    """The hidden and the sensitive hashtags, and the form that changes one."""

    title = "Hashtags"
    template_name = "console/tags.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._page(RestrictTagForm(initial=request.GET.dict()))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = RestrictTagForm(request.POST)
        if not form.is_valid():
            return self._page(form)
        label, change = CHANGES[form.cleaned_data["change"]]
        try:
            tag = tags.restrict(
                form.cleaned_data["tag"], by=self.moderator, reason=form.cleaned_data["reason"], **change
            )
        except DomainError as refusal:
            form.add_error("tag", error_text(refusal))
            return self._page(form)
        messages.success(request, f"{label}: {tag}. Its posts follow within minutes.")
        return redirect("admin:moderation_tags")

    def _page(self, form: RestrictTagForm) -> HttpResponse:
        return self.render(
            form=form,
            page=Slice.of(self.request, Tag.objects.restricted(), TAGS_PER_PAGE),
            keys=[*LIST_KEYS, ("n", "restrict a hashtag"), *FORM_KEYS[:1], FORM_KEYS[-1]],
        )


# ── Mails about new reports ──────────────────────────────────────────────────────────────────────────────
class DigestForm(forms.Form):
    frequency = forms.ChoiceField(
        choices=Digest.Frequency.choices, widget=UnfoldAdminRadioSelectWidget, label="How you learn of them"
    )
    reports = forms.BooleanField(required=False, label="New reports", widget=UnfoldBooleanWidget)
    appeals = forms.BooleanField(required=False, label="New appeals", widget=UnfoldBooleanWidget)


class DigestPage(ModerationView):
    """How the moderator learns of new reports and appeals."""

    title = "Mail about new reports"
    template_name = "console/digest.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        digest = preferences.get_digest(self.moderator)
        now = {"frequency": digest.frequency, "reports": digest.reports, "appeals": digest.appeals}
        return self.render(form=DigestForm(initial=now))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = DigestForm(request.POST)
        if not form.is_valid():
            return self.render(form=form)
        preferences.configure_digest(self.moderator, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("admin:moderation_digest")
