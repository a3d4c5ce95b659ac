"""What people are told, and whether it reached them, in the console."""

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
    related = [Related("Deliveries", "notifications.Delivery", "act__notification")]


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """By push or mail. Pending with many attempts, and failed, say in `error` what is in the way."""

    list_display = ["id", "recipient", "channel", "status", "attempts", "error", "created_at", "settled_at"]
    list_select_related = ["act__recipient"]
    list_filter = ["status"]
    searched_ids = ["id"]
    searched_people = ["act__recipient"]
    narrowed_by = ["act__notification"]
    ordering = ["-id"]
    exclude = ["act"]
    readonly_fields = ["recipient"]

    @admin.display(description="recipient")
    def recipient(self, delivery: Delivery) -> str:
        return linked("recipient")(delivery.act)
