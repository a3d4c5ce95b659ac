"""What other apps show of an account, read without model instances."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.accounts.models import DEFAULT_SETTINGS, User
from apps.core.db.compiled import CompiledQuery


@dataclass(frozen=True)
class AvatarSecrets:
    """The secrets that an avatar's URLs are made of."""

    private_secret: str
    public_secret: str


@dataclass(frozen=True)
class UserSummary:
    """An account as lists, posts and comments show it.

    The fields are in the order of `USER_SUMMARY_FIELDS`, so that `UserSummary(*row)` reads the row of a queryset
    (`values_list(*user_summary_fields("author"))`) or of a SQL file with the columns

        person.id, person.handle, person.display_name, person.is_verified, avatar.private_secret, avatar.public_secret
        FROM accounts_user AS person
        LEFT JOIN media_media AS avatar ON avatar.id = person.avatar_id AND avatar.purpose = 'avatar'

    The condition on `purpose` lets PostgreSQL read the avatars from the index `avatars` instead of the table.
    """

    id: UUID
    handle: str
    display_name: str
    is_verified: bool
    avatar_private_secret: str | None = None
    avatar_public_secret: str | None = None

    @property
    def avatar(self) -> AvatarSecrets | None:
        """None for an account without an avatar."""
        if not self.avatar_private_secret:
            return None
        return AvatarSecrets(self.avatar_private_secret, self.avatar_public_secret or "")


USER_SUMMARY_FIELDS = (
    "id",
    "handle",
    "display_name",
    "is_verified",
    "avatar__private_secret",
    "avatar__public_secret",
)


def user_summary_fields(relation: str = "") -> list[str]:
    """The arguments of `values_list()` for a `UserSummary`.

    `relation`: the path from the queryset's model to the account, such as "author"; empty for `User` itself.
    """
    prefix = f"{relation}__" if relation else ""
    return [f"{prefix}{field}" for field in USER_SUMMARY_FIELDS]


# ── The signed-in member ─────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Member:
    """What every page shows to a member about their account. `settings` includes the defaults."""

    id: UUID
    handle: str
    display_name: str
    email: str
    email_verified_at: datetime | None
    accepted_terms: int | None
    accepted_privacy: int | None
    settings: dict[str, Any]
    avatar: AvatarSecrets | None


_MEMBER = CompiledQuery(
    lambda user: User.objects.owned_by(user).values_list(
        "id",
        "handle",
        "display_name",
        "email",
        "email_verified_at",
        "accepted_terms",
        "accepted_privacy",
        "settings",
        "avatar__private_secret",
        "avatar__public_secret",
    )
)


def get_member(user_id: UUID) -> Member | None:
    """The account of the signed-in user, or None if it does not exist any more."""
    for row in _MEMBER.rows(user=user_id):
        settings, private_secret, public_secret = row[7:]
        avatar = AvatarSecrets(private_secret, public_secret or "") if private_secret else None
        return Member(*row[:7], DEFAULT_SETTINGS | json.loads(settings), avatar)  # type: ignore[call-arg]
    return None
