"""People as the API shows them."""

from typing import Any

from apps.accounts import exports
from apps.accounts.models import DataExport, Session, User
from apps.media.api.cards import avatar_card
from apps.notifications.querysets import unread_count

Card = dict[str, Any]


def mini(user: User) -> Card:
    """Costs no query when `avatar` is selected along."""
    return {
        "id": user.pk,
        "handle": user.handle,
        "display_name": user.display_name,
        "avatar": avatar_card(user.avatar),
        "is_verified": user.is_verified,
    }


def user_card(user: User, viewer: Card | None) -> Card:
    """`viewer` is the caller's Relationship to this person; None for anonymous callers and for oneself."""
    return {
        "id": user.pk,
        "handle": user.handle,
        "display_name": user.display_name,
        "bio": user.bio,
        "website": user.website,
        "avatar": avatar_card(user.avatar),
        "is_private": user.is_private,
        "is_verified": user.is_verified,
        "counts": {"followers": user.follower_count, "following": user.following_count, "posts": user.post_count},
        "created_at": user.created_at,
        "viewer": viewer,
    }


def me_card(user: User) -> Card:
    return user_card(user, None) | {
        "email": user.email,
        "email_verified": user.email_verified_at is not None,
        "locale": user.locale,
        "roles": sorted(user.roles),
        "settings": DEFAULT_SETTINGS | user.settings,
        "unread_notifications": unread_count(user.pk),
    }


# What a client keeps with the account, the same on every device.
DEFAULT_SETTINGS = {"show_sensitive": False, "theme": "system"}


def session_card(session: Session, *, current: bool) -> Card:
    return {
        "id": session.pk,
        "device_name": session.device_name,
        "ip": session.address,
        "user_agent": session.user_agent,
        "created_at": session.created_at,
        "last_seen_at": session.last_seen_at,
        "current": current,
    }


def export_card(export: DataExport | None) -> Card:
    if export is None:
        return {"status": "none", "url": None, "expires_at": None}
    if url := exports.link(export):
        return {"status": export.status, "url": url, "expires_at": export.expires_at}
    return {"status": "expired" if export.status == "ready" else export.status, "url": None, "expires_at": None}
