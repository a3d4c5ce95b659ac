"""Relationships and lists of accounts as the API shows them."""

from dataclasses import asdict
from typing import Any

from apps.accounts.api.cards import user_card
from apps.accounts.api.serializers import serialize_user_summary
from apps.social.reads import ListedUser, Profile, Relationship


def serialize_relationship(relationship: Relationship | None) -> dict[str, Any] | None:
    return asdict(relationship) if relationship else None


def serialize_listed_user(row: ListedUser, created_at_name: str) -> dict[str, Any]:
    return {
        "user": serialize_user_summary(row.user),
        "viewer": serialize_relationship(row.relationship),
        created_at_name: row.created_at,
    }


def serialize_profile(profile: Profile) -> dict[str, Any]:
    return user_card(profile, serialize_relationship(profile.relationship))
