"""Media and pending deletions in the console."""

from typing import cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from apps.accounts.models import User
from apps.console.base import ReadOnlyAdmin, Related, is_administrator, linked
from apps.media import services
from apps.media.models import Media, PendingDeletion
from apps.moderation.roles import may_change_rules


@admin.register(Media)
class MediaAdmin(ReadOnlyAdmin):
    list_display = ["id", linked("owner"), "purpose", "status", "error_code", "attempts", "bytes", "created_at"]
    list_select_related = ["owner"]
    list_filter = ["status", ("error_code", admin.EmptyFieldListFilter)]
    searched_ids = ["id"]
    searched_people = ["owner"]
    narrowed_by = ["owner", "item__post"]
    ordering = ["-id"]
    exclude = ["private_secret", "public_secret", "original_key"]
    actions = ["reprocess"]
    related = [Related("Post", "content.Post", "media")]
    actions_detail = ["ban"]

    @admin.action(description="Make the variants again", permissions=["reprocess"])
    def reprocess(self, request: HttpRequest, queryset: "QuerySet[Media]") -> None:
        """For media that failed for a reason that no longer exists. Leaves media in the pipeline and pending uploads
        alone."""
        requested = sum(services.reprocess(medium) for medium in queryset)
        messages.info(request, f"{requested} of {len(queryset)} were sent to the pipeline again.")

    def has_reprocess_permission(self, request: HttpRequest) -> bool:
        return is_administrator(request)

    @action(description="Ban this image", url_path="ban", permissions=["ban"])  # type: ignore[untyped-decorator]
    def ban(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirects to the form that asks for the reason."""
        return HttpResponseRedirect(f"{reverse('admin:safety_blockedimage_new')}?{urlencode({'medium': object_id})}")

    def has_ban_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        return may_change_rules(cast(User, request.user))


@admin.register(PendingDeletion)
class PendingDeletionAdmin(ReadOnlyAdmin):
    """Objects to be deleted from storage. Many attempts mean that storage refuses."""

    list_display = ["id", "bucket", "attempts", "due_at", "created_at"]
    searched_ids = ["id"]
    ordering = ["due_at", "id"]
    exclude = ["key"]
