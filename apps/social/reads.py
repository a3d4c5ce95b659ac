"""Profiles and lists of accounts with the viewer's relationship to each, one statement each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.accounts.querysets import UserQuerySet
from apps.accounts.reads import USER_SUMMARY_FIELDS, UserSummary, user_summary_fields
from apps.core.db.compiled import CompiledQuery
from apps.core.db.queries import Row, fetch, fetch_rows, load
from apps.social.visibility import readable_users, visible_users, with_relationship, with_shown_counts


@dataclass(frozen=True)
class Relationship:
    """The viewer's relationship to the account `user_id`."""

    user_id: UUID
    following: bool = False
    requested: bool = False
    followed_by: bool = False
    blocking: bool = False
    muting: bool = False


RELATIONSHIP_FIELDS = ("following", "requested", "followed_by", "blocking", "muting")


@dataclass(frozen=True)
class Profile(UserSummary):
    """An account with its profile, and the viewer's relationship to it.

    `relationship` is None for anonymous viewers and for the viewer's own account.
    """

    bio: str = ""
    website: str = ""
    is_private: bool = False
    follower_count: int = 0
    following_count: int = 0
    post_count: int = 0
    created_at: datetime | None = None
    relationship: Relationship | None = None

    def shows_content_to(self, viewer_id: UUID | None) -> bool:
        """Whether the viewer may see the posts, followers and follows: those of a private account are visible to its
        followers and to itself. `relationship` is that of the viewer."""
        if self.relationship and self.relationship.blocking:
            return False
        is_open = not self.is_private or self.id == viewer_id
        return is_open or bool(self.relationship and self.relationship.following)


_PROFILE_FIELDS = (
    *USER_SUMMARY_FIELDS,
    "bio",
    "website",
    "is_private",
    "follower_count",
    "following_count",
    "post_count",
    "created_at",
)
# What a viewer gets instead of a field of the account.
_SHOWN = {"follower_count": "shown_followers", "following_count": "shown_following"}


def _with_profile(users: UserQuerySet, viewer_id: UUID | None) -> QuerySet[Any, Any]:
    if viewer_id is None:
        return users.values_list(*_PROFILE_FIELDS)
    fields = [_SHOWN.get(name, name) for name in _PROFILE_FIELDS]
    rows = with_relationship(with_shown_counts(users, viewer_id), "pk", viewer_id)
    return rows.values_list(*fields, *RELATIONSHIP_FIELDS)


def _profiles(*, is_moderator: bool) -> CompiledQuery:
    return CompiledQuery(lambda viewer: _with_profile(readable_users(viewer, is_moderator=is_moderator), viewer))


def _one_profile(*, is_moderator: bool) -> CompiledQuery:
    return CompiledQuery(
        lambda viewer, user, handle: _with_profile(
            readable_users(viewer, is_moderator=is_moderator).filter(**{"pk": user} if user else {"handle": handle}),
            viewer,
        )
    )


VISIBLE_PROFILES, PROFILE = _profiles(is_moderator=False), _one_profile(is_moderator=False)
# For moderators, who may read any profile.
ALL_PROFILES, ANY_PROFILE = _profiles(is_moderator=True), _one_profile(is_moderator=True)


def find_profile(name: UUID | str, *, viewer_id: UUID | None, is_moderator: bool = False) -> Profile | None:
    """The account with that id or handle; None if there is none that the viewer may read."""
    user_id, handle = (name, None) if isinstance(name, UUID) else (None, name)
    query = ANY_PROFILE if is_moderator else PROFILE
    rows = query.rows(viewer=viewer_id, user=user_id, handle=handle)
    return _profile(rows[0], viewer_id) if rows else None


def find_profiles(
    user_ids: Iterable[UUID], *, viewer_id: UUID | None, is_moderator: bool = False
) -> dict[UUID, Profile]:
    """Those of the accounts that the viewer may read, in the order of `user_ids`."""
    ids, query = list(user_ids), ALL_PROFILES if is_moderator else VISIBLE_PROFILES
    sql = load("social/profiles", visible=query.sql(viewer=viewer_id))
    rows = {row[0]: row for row in fetch_rows(sql, {"viewer": viewer_id, "ids": ids})} if ids else {}
    return {pk: _profile(rows[pk], viewer_id) for pk in ids if pk in rows}


def _profile(row: Row, viewer_id: UUID | None) -> Profile:
    width = len(_PROFILE_FIELDS)
    is_related = viewer_id is not None and row[0] != viewer_id
    return Profile(*row[:width], *([Relationship(row[0], *row[width:])] if is_related else []))


@dataclass(frozen=True)
class ListedUser:
    """A row that refers to an account, such as a follow, with the account and the viewer's relationship to it."""

    id: UUID
    created_at: datetime
    user: UserSummary
    relationship: Relationship | None


class RelationshipList:
    """Rows that refer to an account, newest first, as `ListedUser`.

    `RelationshipList(lambda viewer, person: followers_of(person, viewer_id=viewer), user="follower")`. `build` takes
    the `viewer` and other ids, and `user` names the field that refers to the account.
    """

    def __init__(self, build: Callable[..., QuerySet[Any, Any]], *, user: str) -> None:
        fields = ("pk", "created_at", *user_summary_fields(user), *RELATIONSHIP_FIELDS)

        def compose(viewer: UUID, after: UUID | None, **ids: UUID) -> QuerySet[Any, Any]:
            rows = with_relationship(build(viewer=viewer, **ids), f"{user}_id", viewer)
            return (rows.filter(pk__lt=after) if after else rows).order_by("-pk").values_list(*fields)

        self._query = CompiledQuery(compose)

    def page(self, *, viewer: UUID, after: UUID | str | None, limit: int, **ids: UUID) -> list[ListedUser]:
        """Up to `limit` rows with an id below `after`."""
        rows = self._query.rows(limit=limit, viewer=viewer, after=after, **ids)
        return [self._listed(row, viewer) for row in rows]

    @staticmethod
    def _listed(row: Row, viewer_id: UUID) -> ListedUser:
        width = len(USER_SUMMARY_FIELDS)
        pk, created_at, *columns = row
        user = UserSummary(*columns[:width])
        related = user.id != viewer_id
        return ListedUser(pk, created_at, user, Relationship(user.id, *columns[width:]) if related else None)


@dataclass(frozen=True)
class Suggestion:
    user_id: UUID
    followed_by_count: int


VISIBLE_IDS = CompiledQuery(lambda viewer: visible_users(viewer).in_reach().values_list("pk"))


def suggestions(viewer_id: UUID, *, after: tuple[int, UUID | str] | None, limit: int) -> list[Suggestion]:
    """Accounts in reach followed by accounts that the viewer follows, the most often followed first.

    The statement reads the newest 200 follows of the viewer and the newest 100 of each of these accounts, so that its
    cost is bounded. `after` is (followed_by_count, user_id) of the last row of the page before.
    """
    count, user_id = after or (None, None)
    sql = load("social/suggestions", visible=VISIBLE_IDS.sql(viewer=viewer_id))
    return fetch(Suggestion, sql, viewer=viewer_id, count=count, user=user_id, limit=limit)
