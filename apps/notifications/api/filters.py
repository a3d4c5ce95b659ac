from typing import Any

from django_filters import rest_framework as filters

from apps.notifications.models import Notification, Type
from apps.notifications.querysets import NotificationQuerySet


class NotificationFilter(filters.FilterSet):
    unread = filters.TypedChoiceFilter(
        method="filter_unread",
        choices=[("true", "true"), ("false", "false")],
        coerce=lambda value: value == "true",
        help_text="`true`: only unread ones.",
    )
    type = filters.ChoiceFilter(choices=Type.choices, help_text="Only of this type.")

    class Meta:
        model = Notification
        fields = ["unread", "type"]

    def filter_unread(self, queryset: NotificationQuerySet, name: str, value: Any) -> NotificationQuerySet:
        return queryset.unread() if value else queryset
