"""Moderation's pages of the console."""

from apps.moderation.admin import registration, rows, rules, safety, site, team

__all__ = ["registration", "rows", "rules", "safety", "site", "team"]
