"""Moderators and their actions for tests."""

from typing import Any

from django.contrib.auth.models import Group

from apps.accounts.models import User
from apps.moderation import services
from apps.moderation.models import ModerationAction
from tests.factories import UserFactory

BECAUSE = {"reason": "Sells watches.", "category": "spam"}


def make_moderator(handle: str, role: str = "moderator") -> User:
    person = UserFactory(handle=handle, is_staff=True)
    person.groups.add(Group.objects.get(name=role))
    return person


def taken_down(post: Any, by: User) -> ModerationAction:
    return services.take_down_post(post, by=by, **BECAUSE)


def suspended(person: User, by: User, **more: Any) -> ModerationAction:
    return services.suspend(person, by=by, **BECAUSE, **more)
