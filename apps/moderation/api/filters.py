"""The filters of the lists for moderators. An empty value is an error, as any other invalid one."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters
from rest_framework import serializers

from apps.accounts.models import Application, User
from apps.core.db.ids import parse_id
from apps.moderation.models import Appeal, Category, Flag, ModerationAction, TargetType
from apps.moderation.querysets import ActionQuerySet
from apps.social.api.profiles import filter_by_identifier


class StrictForm(forms.Form):
    def clean(self) -> dict[str, Any]:
        for name in self.fields:
            if self.data.get(name) == "":
                self.add_error(name, forms.ValidationError(_("This parameter may not be blank."), code="blank"))
        return self.cleaned_data


class IdField(forms.CharField):
    def clean(self, value: Any) -> UUID | None:
        """Raises ValidationError unless the value is a canonical UUID."""
        if not value:
            return None
        parsed = parse_id(value)
        if parsed is None:
            raise forms.ValidationError(_("A UUID, in lower case."), code="invalid")
        return parsed


class UserField(forms.CharField):
    def clean(self, value: Any) -> str:
        """Raises ValidationError unless the value can name a user: an id, `@handle` or `me`."""
        name: str = value or ""
        if name and name != "me" and not name.startswith("@") and parse_id(name) is None:
            raise forms.ValidationError(_("A user id, @handle or me."), code="invalid")
        return name


class TimeField(forms.CharField):
    def clean(self, value: Any) -> datetime | None:
        """Raises ValidationError unless the value is a time in the format of the API."""
        if not value:
            return None
        try:
            time: datetime = serializers.DateTimeField().to_internal_value(value)
        except serializers.ValidationError as error:
            raise forms.ValidationError(_("A time as in 2026-11-23T16:14:05.123Z."), code="invalid") from error
        return time


class IdFilter(filters.CharFilter):
    field_class = IdField


class UserFilter(filters.CharFilter):
    field_class = UserField


class TimeFilter(filters.CharFilter):
    field_class = TimeField


class FlagFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Flag.Status.choices)
    category = filters.ChoiceFilter(choices=Category.choices)

    class Meta:
        form = StrictForm


class AppealFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Appeal.Status.choices)

    class Meta:
        form = StrictForm


class ApplicationFilter(filters.FilterSet):
    status = filters.ChoiceFilter(choices=Application.Status.choices)

    class Meta:
        form = StrictForm


class ActionFilter(filters.FilterSet):
    actor = UserFilter(method="filter_actor", help_text="Who did it: a user id, `@handle` or `me`.")
    action = filters.ChoiceFilter(choices=ModerationAction.Action.choices)
    target_type = filters.ChoiceFilter(choices=TargetType.choices)
    target_id = IdFilter(help_text="The user, post or comment that was acted on.")
    since = TimeFilter(method="filter_since", help_text="From this moment on; RFC 3339.")
    until = TimeFilter(method="filter_until", help_text="Before this moment; RFC 3339.")

    class Meta:
        form = StrictForm

    def filter_actor(self, queryset: ActionQuerySet, name: str, value: str) -> ActionQuerySet:
        """The audit contains the ids of deleted accounts; they have no handle any more."""
        actor_id = parse_id(value)
        if actor_id is None:
            users = filter_by_identifier(User.objects.not_erased(), self.request, value)
            actor_id = users.values_list("pk", flat=True).first()
        return queryset.filter(actor=actor_id) if actor_id else queryset.none()

    def filter_since(self, queryset: ActionQuerySet, name: str, value: Any) -> ActionQuerySet:
        return queryset.between(value, None)

    def filter_until(self, queryset: ActionQuerySet, name: str, value: Any) -> ActionQuerySet:
        return queryset.between(None, value)
