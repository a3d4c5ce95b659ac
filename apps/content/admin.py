"""Posts and tags in the console."""

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html

from apps.console.base import ReadOnlyAdmin, Related, linked
from apps.content.models import Post, Tag


@admin.register(Post)
class PostAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        linked("author"),
        "caption",
        "visibility",
        "status",
        "taken_down_at",
        "like_count",
        "comment_count",
        "created_at",
        "page",
    ]
    list_select_related = ["author"]
    list_filter = ["status", "visibility", "sensitive", ("taken_down_at", admin.EmptyFieldListFilter)]
    searched_ids = ["id"]
    searched_people = ["author"]
    narrowed_by = ["author", "media"]
    ordering = ["-id"]
    related = [
        Related("Comments", "engagement.Comment", "post"),
        Related("Photos", "media.Media", "item__post"),
        Related("Likes", "engagement.Like", "post"),
        Related("Reports", "moderation.Flag", "target_id"),
        Related("Decisions", "moderation.ModerationAction", "target_id"),
    ]
    readonly_fields = ["page"]

    @admin.display(description="moderation page")
    def page(self, post: Post) -> str:
        return format_html('<a href="{}">Open</a>', reverse("admin:moderation_post", args=[post.pk]))


@admin.register(Tag)
class TagAdmin(ReadOnlyAdmin):
    list_display = ["name", "hidden", "sensitive"]
    searched_ids = ["id"]
    searched_texts = ["name"]
    ordering = ["-id"]
