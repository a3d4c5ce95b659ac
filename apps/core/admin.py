"""What every page of the console keeps to: rows are looked at here; they are changed by the services' verbs."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_outbox.models import CeleryOutbox, CeleryOutboxDeadLetter
from unfold.admin import ModelAdmin

from apps.core import dead_letters

# In their places there are pages of ours, or none.
for model in (Group, CeleryOutbox, CeleryOutboxDeadLetter):
    admin.site.unregister(model)


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold carries no types
    """Lists, search and details, for staff; no form writes a row past the services."""

    # A count of everything behind a list is a scan of it.
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(CeleryOutbox)
class OutboxAdmin(ReadOnlyAdmin):
    """What is to be done and is not done yet."""

    list_display = ["id", "task_name", "kwargs", "retries", "created_at", "retry_after"]
    list_filter = ["task_name"]
    search_fields = ["task_id"]
    ordering = ["-id"]


@admin.register(CeleryOutboxDeadLetter)
class DeadLetterAdmin(ReadOnlyAdmin):
    """What was given up, with the reason. Trying again, or dropping it, is an operator's decision."""

    list_display = ["id", "task_name", "kwargs", "failure_reason", "retries", "created_at", "dead_at"]
    list_filter = ["task_name"]
    search_fields = ["task_id"]
    ordering = ["-id"]
    actions = ["retry", "drop"]

    @admin.action(description="Try again", permissions=["operate"])
    def retry(self, request: HttpRequest, letters: "QuerySet[CeleryOutboxDeadLetter]") -> None:
        messages.info(request, f"{dead_letters.retry(letters)} will be tried again.")

    @admin.action(description="Drop: nobody wants it done any more", permissions=["operate"])
    def drop(self, request: HttpRequest, letters: "QuerySet[CeleryOutboxDeadLetter]") -> None:
        messages.info(request, f"{dead_letters.drop(letters)} dropped.")

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Admins, who are the operators' hands in the console."""
        return "admin" in getattr(request.user, "roles", ())
