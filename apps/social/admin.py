"""Follows, follow requests, blocks and mutes in the console."""

from django.contrib import admin

from apps.console.base import ReadOnlyAdmin, linked
from apps.social.models import Block, Follow, FollowRequest, Mute


class EdgeAdmin(ReadOnlyAdmin):
    """Rows from one account to another."""

    searched_ids = ["id"]
    ordering = ["-id"]


@admin.register(Follow)
class FollowAdmin(EdgeAdmin):
    list_display = ["id", linked("follower"), linked("followed"), "created_at"]
    list_select_related = narrowed_by = searched_people = ["follower", "followed"]


@admin.register(FollowRequest)
class FollowRequestAdmin(EdgeAdmin):
    list_display = ["id", linked("requester"), linked("target"), "created_at"]
    list_select_related = narrowed_by = searched_people = ["requester", "target"]


@admin.register(Block)
class BlockAdmin(EdgeAdmin):
    list_display = ["id", linked("blocker"), linked("blocked"), "created_at"]
    list_select_related = narrowed_by = searched_people = ["blocker", "blocked"]


@admin.register(Mute)
class MuteAdmin(EdgeAdmin):
    list_display = ["id", linked("muter"), linked("muted"), "created_at"]
    list_select_related = narrowed_by = searched_people = ["muter", "muted"]
