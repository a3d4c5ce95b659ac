"""Uploads in the console."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.media.models import Media


@admin.register(Media)
class MediaAdmin(ReadOnlyAdmin):
    list_display = ["id", "owner", "purpose", "status", "error_code", "bytes", "created_at"]
    list_select_related = ["owner"]
    list_filter = ["status", "purpose", "error_code"]
    search_fields = ["id", "owner__handle"]
    ordering = ["-id"]
    exclude = ["private_secret", "public_secret", "original_key"]
