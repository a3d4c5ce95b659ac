"""Querysets composed once."""

import pytest

from apps.content.models import Post
from apps.core.ids import new_id
from apps.core.statements import Sight, array_of, select
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


@pytest.mark.django_db
def test_names_become_numbers_and_a_percent_sign_stays():
    sql = "SELECT %(b)s::int, %(a)s::text, %(b)s::int, 'a' LIKE '%%a', %(ids)s::uuid[]"
    ids = [new_id(), new_id()]
    assert select(sql, a="x", b=1, ids=array_of(ids), unused=None) == [(1, "x", 1, True, ids)]
    assert select("SELECT %(ids)s::uuid[]", ids=array_of([])) == [([],)]
