"""What a moderator fills in to decide."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from apps.moderation.models import Category, Decision, ReasonTemplate

FOR_GOOD = "for_good"
DURATIONS = [
    ("1", "1 day"),
    ("3", "3 days"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    (FOR_GOOD, "For good"),
]
NEEDS_CATEGORY = {Decision.TAKE_DOWN, Decision.SUSPEND}


class ReasonForm(forms.Form):
    """A reason, told to whom it hits."""

    reason = forms.CharField(
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "autofocus": True}),
        help_text="Told to whom it hits. No personal data of others.",
    )


class DecisionForm(ReasonForm):
    """How a case is decided. An empty reason is the template's text; a category is asked for what somebody is told; a
    suspension has an end, or none."""

    template = forms.ModelChoiceField(
        ReasonTemplate.objects.none(),
        required=False,
        label="Reason template",
        empty_label="None",
        widget=UnfoldAdminSelectWidget,
    )
    category = forms.ChoiceField(choices=[("", "Choose…"), *Category.choices], widget=UnfoldAdminSelectWidget)
    duration = forms.ChoiceField(
        choices=DURATIONS, initial="7", required=False, label="For how long", widget=UnfoldAdminSelectWidget
    )
    field_order = ["template", "reason", "category", "duration"]

    def __init__(self, decision: str, *args: Any, templates: list[ReasonTemplate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.templates = templates
        chooser: Any = self.fields["template"]
        chooser.queryset = ReasonTemplate.objects.filter(action=decision)
        chooser.choices = [("", "None"), *((str(row.pk), row.title) for row in templates)]
        self.fields["reason"].required = not self.data.get("template")
        if decision not in NEEDS_CATEGORY:
            del self.fields["category"]
            self.fields["reason"].help_text = "Kept with the reports and in the audit; nobody is told."
        if decision != Decision.SUSPEND:
            del self.fields["duration"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        template = given.get("template")
        given["reason"] = given.get("reason") or (template.text if template else "")
        return given

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        """For the script that fills the form in."""
        return {str(row.pk): {"text": row.text, "category": row.category} for row in self.templates}

    @property
    def grounds(self) -> dict[str, Any]:
        """What the verbs take of it."""
        given = self.cleaned_data
        return {"reason": given["reason"], "category": given.get("category", ""), "until": self.until}

    @property
    def until(self) -> datetime | None:
        days = self.cleaned_data.get("duration") or FOR_GOOD
        return None if days == FOR_GOOD else timezone.now() + timedelta(days=int(days))
