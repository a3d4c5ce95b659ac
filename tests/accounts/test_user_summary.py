"""The user summary: one list of columns for querysets, one representation."""

import pytest

from apps.accounts.api.serializers import UserSummarySerializer
from apps.accounts.models import Session, User
from apps.accounts.reads import UserSummary, user_summary_fields
from apps.accounts.services import open_session
from tests.factories import MediaFactory


@pytest.fixture
def avatar(alice):
    alice.avatar = MediaFactory(owner=alice, purpose="avatar")
    alice.save(update_fields=["avatar"])
    return alice.avatar


def test_summary_of_a_relation_is_represented_like_the_user(alice, avatar):
    open_session(alice)
    row = Session.objects.values_list(*user_summary_fields("user")).get()
    shown = UserSummarySerializer(UserSummary(*row)).data
    assert shown == UserSummarySerializer(User.objects.select_related("avatar").get(pk=alice.pk)).data
    assert set(shown["avatar"]) == {"thumb", "medium"}


def test_summary_without_an_avatar_has_null(alice):
    row = User.objects.values_list(*user_summary_fields()).get(pk=alice.pk)
    assert UserSummarySerializer(UserSummary(*row)).data["avatar"] is None
