"""Deprecated names of `profiles.py`. Remove this module with its last user."""

from functools import partial

from rest_framework.request import Request

from apps.accounts.querysets import UserQuerySet
from apps.social.api.profiles import filter_by_identifier, get_profile_content_or_404, get_user_or_404
from apps.social.querysets import visible_users

look_inside = get_profile_content_or_404
find_person = get_user_or_404
find_blocked_person = partial(get_user_or_404, include_blocked=True)
spelled_so = filter_by_identifier


def visible_people(request: Request) -> UserQuerySet:
    return visible_users(request.user.pk)
