"""Choosing an avatar makes any ready photo of one's own an avatar."""

import pytest

from apps.media.models import Media
from tests.factories import MediaFactory

pytestmark = pytest.mark.django_db


def test_a_photo_that_was_uploaded_for_a_post_becomes_an_avatar(api, alice):
    photo = MediaFactory(owner=alice)
    chosen = api(alice).patch("/users/me", {"avatar_media_id": str(photo.pk)})
    assert set(chosen.json()["avatar"]) == {"thumb", "medium"}
    photo = Media.objects.get(pk=photo.pk)
    assert (photo.purpose, photo.in_use, photo.wanted_public) == ("avatar", True, True)
