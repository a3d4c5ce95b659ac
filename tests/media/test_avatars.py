"""An avatar is one, whatever the photo was meant for."""

from importlib import import_module

import pytest
from django.db import connection

from apps.accounts.models import User
from apps.media.models import Media
from tests.factories import make_media

pytestmark = pytest.mark.django_db
BEFORE = import_module("apps.accounts.migrations.0009_an_avatar_is_one")


def purpose_of(medium: Media) -> str:
    return Media.objects.get(pk=medium.pk).purpose


def test_a_photo_that_was_meant_for_a_post_becomes_an_avatar(api, alice):
    photo = make_media(alice)
    chosen = api(alice).patch("/users/me", {"avatar_media_id": str(photo.pk)})
    assert set(chosen.json()["avatar"]) == {"thumb", "medium"}
    assert purpose_of(photo) == "avatar"


def test_those_chosen_before_there_was_a_trigger_become_such(alice):
    chosen, another = make_media(alice), make_media(alice)
    with connection.cursor() as cursor:
        # Without triggers.
        cursor.execute("SET LOCAL session_replication_role = replica")
        User.objects.filter(pk=alice.pk).update(avatar=chosen)
        cursor.execute("SET LOCAL session_replication_role = origin")
        assert purpose_of(chosen) == "post"
        cursor.execute(BEFORE.FILL)
    assert (purpose_of(chosen), purpose_of(another)) == ("avatar", "post")
