"""Moderation's pages of the console."""

from apps.moderation.admin import rows, rules, safety, site, team

__all__ = ["rows", "rules", "safety", "site", "team"]
