"""Who follows and blocks whom, in the console."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.social.models import Block, Follow


@admin.register(Follow)
class FollowAdmin(ReadOnlyAdmin):
    list_display = ["id", "follower", "followed", "created_at"]
    list_select_related = ["follower", "followed"]
    search_fields = ["follower__handle", "followed__handle"]
    ordering = ["-id"]


@admin.register(Block)
class BlockAdmin(ReadOnlyAdmin):
    list_display = ["id", "blocker", "blocked", "created_at"]
    list_select_related = ["blocker", "blocked"]
    search_fields = ["blocker__handle", "blocked__handle"]
    ordering = ["-id"]
