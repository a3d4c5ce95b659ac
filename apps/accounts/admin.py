"""Accounts and sessions in the console."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from apps.accounts.models import DataExport, Erasure, Session, User
from apps.core.admin import ReadOnlyAdmin
from apps.moderation import services as moderation
from apps.moderation.admin.rows import ModeratingAdmin


@admin.register(User)
class UserAdmin(ModeratingAdmin):
    list_display = [
        "handle",
        "display_name",
        "state",
        "is_private",
        "follower_count",
        "post_count",
        "created_at",
        "page",
    ]
    list_filter = ["state", "is_private", "is_verified", "is_staff"]
    search_fields = ["handle", "email", "display_name"]
    ordering = ["-id"]
    exclude = ["password", "user_permissions", "avatar"]
    readonly_fields = ["page"]
    actions = ["unsuspend"]

    @admin.action(description="Unsuspend: all of it comes back", permissions=["moderate"])
    def unsuspend(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self.decide(request, people, lambda person, by, reason: moderation.unsuspend(person, by=by, reason=reason))

    @admin.display(description="for moderators")
    def page(self, person: User) -> str:
        return format_html('<a href="{}">all of it</a>', reverse("admin:moderation_person", args=[person.pk]))


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ["id", "user", "device_name", "created_at", "last_seen_at", "ended_at"]
    list_select_related = ["user"]
    search_fields = ["user__handle"]
    ordering = ["-id"]
    exclude = ["nonce"]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Accounts that are to be erased and are not gone yet; many attempts mean that something is in the way."""

    list_display = ["user_id", "attempts", "leased_until", "ring_at", "created_at"]
    ordering = ["-attempts", "user_id"]


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ["id", "user", "status", "attempts", "bytes", "error", "created_at", "expires_at"]
    list_select_related = ["user"]
    list_filter = ["status"]
    search_fields = ["user__handle"]
    ordering = ["-id"]
    exclude = ["secret"]
