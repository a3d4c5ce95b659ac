"""Comments, likes and saves in the console."""

from django.contrib import admin

from apps.console.base import ReadOnlyAdmin, Related, linked
from apps.engagement.models import Comment, Like, Save


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    list_display = ["id", linked("author"), linked("post"), "text", "taken_down_at", "like_count", "created_at"]
    list_select_related = ["author", "post"]
    list_filter = [("taken_down_at", admin.EmptyFieldListFilter)]
    searched_ids = ["id", "post"]
    searched_people = ["author"]
    narrowed_by = ["author", "post", "parent"]
    ordering = ["-id"]
    related = [
        Related("Replies", "engagement.Comment", "parent"),
        Related("Reports", "moderation.Flag", "target_id"),
        Related("Decisions", "moderation.ModerationAction", "target_id"),
    ]


class ReactionAdmin(ReadOnlyAdmin):
    list_display = ["id", linked("user"), linked("post"), "created_at"]
    list_select_related = ["user", "post"]
    searched_ids = ["id", "post"]
    searched_people = ["user"]
    narrowed_by = ["user", "post"]
    ordering = ["-id"]


@admin.register(Like)
class LikeAdmin(ReactionAdmin):
    pass


@admin.register(Save)
class SaveAdmin(ReactionAdmin):
    pass
