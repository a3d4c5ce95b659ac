"""Moderation's pages of the console."""

from apps.moderation.admin import rows, rules, safety, site

__all__ = ["rows", "rules", "safety", "site"]
