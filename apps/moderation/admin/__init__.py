"""Moderation's pages of the console."""

from apps.moderation.admin import rows, safety

__all__ = ["rows", "safety"]
