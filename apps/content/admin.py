"""Posts in the console."""

from django.contrib import admin

from apps.content.models import Post
from apps.core.admin import ReadOnlyAdmin


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    list_display = ["id", "author", "caption", "visibility", "status", "taken_down_at", "like_count", "created_at"]
    list_select_related = ["author"]
    list_filter = ["status", "visibility", "sensitive"]
    search_fields = ["id", "author__handle"]
    ordering = ["-id"]
