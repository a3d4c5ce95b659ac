"""Moderation's pages of the console."""

from apps.moderation.admin import rows, rules

__all__ = ["rows", "rules"]
