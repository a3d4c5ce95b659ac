"""Notifications and their deliveries in the console."""

from django.contrib import admin

from apps.console.base import ReadOnlyAdmin, Related, linked
from apps.notifications.models import Delivery, Notification


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ["id", linked("recipient"), "type", linked("post"), "in_app", "read_at", "created_at"]
    list_select_related = ["recipient", "post"]
    searched_ids = ["id"]
    searched_people = ["recipient"]
    narrowed_by = ["recipient"]
    ordering = ["-id"]
    exclude = ["statement", "latest"]
    related = [Related("Deliveries", "notifications.Delivery", "event__notification")]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries by push or mail. `error` says why one failed or is still pending after many attempts."""

    list_display = ["id", "recipient", "channel", "status", "attempts", "error", "created_at", "settled_at"]
    list_select_related = ["event__recipient"]
    list_filter = ["status"]
    searched_ids = ["id"]
    searched_people = ["event__recipient"]
    narrowed_by = ["event__notification"]
    ordering = ["-id"]
    exclude = ["event"]
    readonly_fields = ["recipient"]

    @admin.display(description="recipient")
    def recipient(self, delivery: Delivery) -> str:
        return linked("recipient")(delivery.event)
