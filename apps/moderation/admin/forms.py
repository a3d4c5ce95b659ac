"""The forms of a decision."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from apps.core.validators import validate_text
from apps.moderation.models import Category, Decision, ReasonTemplate
from apps.site import reads as site

PERMANENT = "permanent"
DURATIONS = [
    ("1", "1 day"),
    ("3", "3 days"),
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    (PERMANENT, "Permanently"),
]
# Measures, about which the affected user receives a statement of reasons.
NEEDS_CATEGORY = set(Decision) - {Decision.DISMISS, Decision.RESOLVE}


class ReasonForm(forms.Form):
    """A reason that the affected user sees."""

    reason = forms.CharField(
        max_length=1000,
        validators=[validate_text],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="The affected user sees this. Do not include other people's data.",
    )


class DecisionForm(ReasonForm):
    """A decision on a case. An empty reason means the text of the template. Measures have a category, and suspensions a
    duration. `others` are the other open reports about the accounts, by category: a suspension
    can close them as well."""

    template = forms.ModelChoiceField(
        ReasonTemplate.objects.none(),
        required=False,
        label="Reason template",
        empty_label="None",
        widget=UnfoldAdminSelectWidget,
    )
    category = forms.ChoiceField(choices=[("", "Choose…"), *Category.choices], widget=UnfoldAdminSelectWidget)
    rule = forms.ChoiceField(required=False, label="Rule", widget=UnfoldAdminSelectWidget)
    duration = forms.ChoiceField(
        choices=DURATIONS, initial="7", required=False, label="Duration", widget=UnfoldAdminSelectWidget
    )
    close_others = forms.BooleanField(required=False, widget=UnfoldBooleanWidget)
    field_order = ["template", "reason", "category", "rule", "duration", "close_others"]

    def __init__(
        self,
        decision: str,
        *args: Any,
        templates: "QuerySet[ReasonTemplate]",
        others: dict[str, int] | None = None,
        accounts: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.templates = list(templates)
        chooser: Any = self.fields["template"]
        chooser.queryset = templates
        chooser.choices = [("", "None"), *((str(row.pk), row.title) for row in self.templates)]
        self.fields["reason"].required = not self.data.get("template")
        # Not the reason: a screen reader would skip the templates.
        self.fields["template" if self.templates else "reason"].widget.attrs["autofocus"] = True
        self._offer_to_close(others if decision == Decision.SUSPEND else None, accounts)
        self._offer_rules()
        if decision not in NEEDS_CATEGORY:
            del self.fields["category"]
            self.fields.pop("rule", None)
            self.fields["reason"].help_text = "The reporters see this. Do not include other people's data."
        if decision != Decision.SUSPEND:
            del self.fields["duration"]

    def _offer_rules(self) -> None:
        self.rules = {str(version.pk): version for version in site.rules()}
        if not self.rules:
            del self.fields["rule"]
            return
        titles = ((pk, site.translate(version.texts)["title"]) for pk, version in self.rules.items())
        chooser: Any = self.fields["rule"]
        chooser.choices = [("", "None"), *titles]

    def _offer_to_close(self, others: dict[str, int] | None, accounts: int) -> None:
        if not others:
            del self.fields["close_others"]
            return
        number, names = sum(others.values()), dict(Category.choices)
        reports = f"{number} report{'' if number == 1 else 's'}"
        about = "this account and its content" if accounts == 1 else "these accounts and their content"
        field = self.fields["close_others"]
        field.label = f"Also close the other {reports} about {about}"
        counted = ", ".join(f"{names[category]} {count}" for category, count in others.items())
        field.help_text = f"{counted}. Each affected user receives one statement of reasons, for the suspension."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        template = data.get("template")
        data["reason"] = data.get("reason") or (template.text if template else "")
        return data

    @property
    def texts(self) -> dict[str, dict[str, str]]:
        """The templates, for the script that fills the form in."""
        return {str(row.pk): {"text": row.text, "category": row.category} for row in self.templates}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the services."""
        data = self.cleaned_data
        return {
            "reason": data["reason"],
            "category": data.get("category", ""),
            "rule": self.rules.get(data.get("rule", "")),
            "until": self.until,
        }

    @property
    def closes_others(self) -> bool:
        return bool(self.cleaned_data.get("close_others"))

    @property
    def until(self) -> datetime | None:
        days = self.cleaned_data.get("duration") or PERMANENT
        return None if days == PERMANENT else timezone.now() + timedelta(days=int(days))
