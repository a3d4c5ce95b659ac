"""Moderation's pages of the console."""

from apps.moderation.admin import rows

__all__ = ["rows"]
