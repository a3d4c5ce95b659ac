"""Posts in the console."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from apps.content.models import Post
from apps.core.admin import ReadOnlyAdmin


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "author",
        "caption",
        "visibility",
        "status",
        "taken_down_at",
        "like_count",
        "created_at",
        "page",
    ]
    list_select_related = ["author"]
    list_filter = ["status", "visibility", "sensitive"]
    search_fields = ["id", "author__handle"]
    ordering = ["-id"]
    readonly_fields = ["page"]

    @admin.display(description="for moderators")
    def page(self, post: Post) -> str:
        return format_html('<a href="{}">all of it</a>', reverse("admin:moderation_post", args=[post.pk]))
