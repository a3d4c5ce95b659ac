"""The doors to people: who of them the caller may meet, and whether what is inside is open to the caller."""

from typing import cast
from uuid import UUID

from rest_framework.request import Request

from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.errors import NotFound, Unauthorized
from apps.core.ids import parse_id
from apps.social.blocks import between
from apps.social.models import Block, Follow


def visible_people(request: Request) -> UserQuerySet:
    """Accounts in good standing, without those with a block, either way, between them and the caller."""
    people: UserQuerySet = User.objects.standing()
    return people.exclude(between("id", request.user.pk)) if request.user.pk else people


def find_person(request: Request, spelled: str) -> User:
    """`id`, `@handle` (in any case) or `me`. Raises NotFound; Unauthorized for an anonymous `me`."""
    if spelled == "me" and not request.user.pk:
        raise Unauthorized
    person = spelled_so(visible_people(request), request, spelled).select_related("avatar").first()
    if person is None:
        raise NotFound
    return person


def find_blocked_person(request: Request, spelled: str) -> User:
    """As `find_person`, and also whom the caller has blocked: one must be able to block twice, and to unblock."""
    mine = Block.objects.filter(blocker=request.user.pk).values("blocked")
    person = spelled_so(User.objects.standing().filter(pk__in=mine), request, spelled).first()
    return person or find_person(request, spelled)


def spelled_so(people: UserQuerySet, request: Request, spelled: str) -> UserQuerySet:
    """Whom of `people` the path means; nobody, or one."""
    if spelled == "me":
        return people.filter(pk=cast(UUID, request.user.pk))
    if spelled.startswith("@"):
        handle = spelled[1:].lower()
        return people.filter(handle=handle) if handle.isascii() and "\0" not in handle else people.none()
    pk = parse_id(spelled)
    return people.filter(pk=pk) if pk else people.none()


def require_sight_inside(request: Request, person: User) -> None:
    """A private account's posts, followers and following are its followers' and its own. Raises NotFound."""
    viewer_id = request.user.pk
    if not person.is_private or person.pk == viewer_id:
        return
    if viewer_id is None or not Follow.objects.filter(follower=viewer_id, followed=person).exists():
        raise NotFound
