"""The doors to people: who of them the caller may meet, and whether what is inside is open to the caller."""

from uuid import UUID

from rest_framework.request import Request

from apps.accounts.api.cards import Profile
from apps.accounts.models import User
from apps.accounts.querysets import PROFILE, UserQuerySet
from apps.core.db.ids import parse_id
from apps.core.db.statements import Sight, select
from apps.core.errors import NotFound, Unauthorized
from apps.social.blocks import between
from apps.social.models import Block
from apps.social.querysets import RELATIONSHIP, Relationship


def visible_people(request: Request) -> UserQuerySet:
    """Accounts in good standing, without those with a block, either way, between them and the caller."""
    return _visible(request.user.pk)


def _visible(viewer_id: UUID | None) -> UserQuerySet:
    people: UserQuerySet = User.objects.standing()
    return people.exclude(between("id", viewer_id)) if viewer_id else people


_SEEN = Sight(lambda viewer: _visible(viewer).for_profiles())


def meet(request: Request, spelled: str) -> tuple[Profile, Relationship | None]:
    """Who `id`, `@handle` (in any case) or `me` is, and how the caller stands to them (None: anonymous callers, and
    oneself), in one statement. Raises NotFound; Unauthorized for an anonymous `me`."""
    viewer_id = request.user.pk
    meant = _meant(viewer_id, spelled)
    if meant is None:
        raise NotFound
    key, value = meant
    sql = (
        f"SELECT person.*, {RELATIONSHIP} FROM ({_SEEN.sql(viewer_id)}) AS person ({', '.join(PROFILE)}) "  # noqa: S608  (of constants)
        f"WHERE person.{key} = %(key)s"
    )
    rows = select(sql, viewer=viewer_id, key=value)
    if not rows:
        raise NotFound
    person, relationship = Profile.of(rows[0][: len(PROFILE)]), Relationship(*rows[0][len(PROFILE) :])
    return person, relationship if viewer_id and person.id != viewer_id else None


def named(request: Request, spelled: str) -> UUID | str:
    """Whom the path means, for a verb that is a door itself: an id, or a handle. Raises NotFound, Unauthorized."""
    meant = _meant(request.user.pk, spelled)
    if meant is None:
        raise NotFound
    return meant[1]


def look_inside(request: Request, spelled: str) -> Profile:
    """As `meet`, of somebody whose posts, followers and following the caller may see: a private account's are its
    followers' and its own. Raises NotFound, Unauthorized."""
    person, relationship = meet(request, spelled)
    if person.is_private and person.id != request.user.pk and not (relationship and relationship.following):
        raise NotFound
    return person


def find_person(request: Request, spelled: str) -> User:
    """The account that `meet` means. Raises NotFound; Unauthorized for an anonymous `me`."""
    person = spelled_so(visible_people(request), request, spelled).first()
    if person is None:
        raise NotFound
    return person


def find_blocked_person(request: Request, spelled: str) -> User:
    """As `find_person`, and also whom the caller has blocked: one must be able to block twice, and to unblock."""
    mine = Block.objects.filter(blocker=request.user.pk).values("blocked")
    person = spelled_so(User.objects.standing().filter(pk__in=mine), request, spelled).first()
    return person or find_person(request, spelled)


def spelled_so(people: UserQuerySet, request: Request, spelled: str) -> UserQuerySet:
    """Whom of `people` the path means; nobody, or one. Raises Unauthorized for an anonymous `me`."""
    meant = _meant(request.user.pk, spelled)
    if meant is None:
        return people.none()
    key, value = meant
    return people.filter(**{key: value})


def _meant(viewer_id: UUID | None, spelled: str) -> tuple[str, UUID | str] | None:
    """The column by which `id`, `@handle` (in any case) or `me` is found, and the value; None: nobody is spelled so.
    Raises Unauthorized for an anonymous `me`."""
    if spelled == "me":
        if viewer_id is None:
            raise Unauthorized
        return "id", viewer_id
    if spelled.startswith("@"):
        handle = spelled[1:].lower()
        return ("handle", handle) if handle.isascii() and "\0" not in handle else None
    pk = parse_id(spelled)
    return ("id", pk) if pk else None
