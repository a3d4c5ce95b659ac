"""Querysets composed once."""

import pytest

from apps.content.models import Post
from apps.core.ids import new_id
from apps.core.statements import Sight, select
from tests.factories import make_post


@pytest.mark.django_db
def test_a_sight_is_composed_once_for_somebody_and_once_for_nobody(alice, bob):
    composed = []

    def compose(viewer, author):
        composed.append(viewer)
        return Post.objects.visible_to(viewer).written_by(author).values("pk")

    sight = Sight(compose, "author")
    post = make_post(alice, visibility="followers", photos=0)
    for viewer, seen in [(bob.pk, [(post.pk,)]), (None, []), (new_id(), []), (None, [])]:
        assert select(sight.sql(viewer), viewer=viewer, author=alice.pk) == seen
    assert len(composed) == 2
    assert composed[1] is None
