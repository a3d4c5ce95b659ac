"""The account that a path names, as far as the caller may see it.

A path names an account by its id, by `@handle` in any case, or by `me`.
"""

from uuid import UUID

from django.http import HttpRequest

from apps.accounts.api.authentication import is_moderator
from apps.accounts.models import User
from apps.accounts.querysets import UserQuerySet
from apps.core.db.ids import parse_id
from apps.core.errors import NotFound, Unauthorized
from apps.social import reads
from apps.social.visibility import blocked_by, visible_users


def resolve_identifier(request: HttpRequest, identifier: str) -> UUID | str:
    """The id or the handle that the path names.

    Raises NotFound if no account can have that name, Unauthorized for `me` without a token.
    """
    if identifier == "me":
        if request.user.pk is None:
            raise Unauthorized
        return UUID(str(request.user.pk))
    if identifier.startswith("@"):
        handle = identifier[1:].lower()
        if handle.isascii() and "\0" not in handle:
            return handle
    elif user_id := parse_id(identifier):
        return user_id
    raise NotFound


def get_profile_or_404(request: HttpRequest, identifier: str, *, for_review: bool = False) -> reads.Profile:
    """The profile with the caller's relationship to it. Raises NotFound, Unauthorized.

    `for_review`: a moderator gets every profile that is not erased, to judge it.
    """
    name = resolve_identifier(request, identifier)
    reviews = for_review and is_moderator(request)
    profile = reads.find_profile(name, viewer_id=request.user.pk, is_moderator=reviews)
    if profile is None:
        raise NotFound
    return profile


def get_profile_content_or_404(request: HttpRequest, identifier: str) -> reads.Profile:
    """A profile whose posts, followers and follows the caller may see. Raises NotFound, Unauthorized.

    Those of a private account are visible to its followers and to itself.
    """
    profile = get_profile_or_404(request, identifier)
    if not profile.shows_content_to(request.user.pk):
        raise NotFound
    return profile


def get_user_or_404(request: HttpRequest, identifier: str, *, include_blocked: bool = False) -> User:
    """The account as a model instance. Raises NotFound, Unauthorized.

    `include_blocked`: also an account that the caller blocks, for example to report it.
    """
    user = filter_by_identifier(visible_users(request.user.pk), request, identifier).first()
    caller_id: UUID | None = request.user.pk
    if user is None and include_blocked and caller_id:
        blocked = User.objects.active().filter(pk__in=blocked_by(caller_id).values("blocked"))
        user = filter_by_identifier(blocked, request, identifier).first()
    if user is None:
        raise NotFound
    return user


def filter_by_identifier(users: UserQuerySet, request: HttpRequest, identifier: str) -> UserQuerySet:
    """The one account among `users` that the path names, or none. Raises Unauthorized for `me` without a token."""
    try:
        name = resolve_identifier(request, identifier)
    except NotFound:
        return users.none()
    return users.filter(**{"pk" if isinstance(name, UUID) else "handle": name})
