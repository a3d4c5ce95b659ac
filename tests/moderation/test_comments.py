"""Comments taken down and brought back."""

import pytest

from apps.content.models import Post
from apps.engagement import services as engagement
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.models import ModerationAction
from tests.factories import make_post
from tests.moderation.people import BECAUSE, make_moderator

pytestmark = pytest.mark.django_db


@pytest.fixture
def comment(alice, bob):
    return engagement.comment(make_post(alice).pk, by=bob.pk, text="Watches!")


def listed(api, comment, person):
    return [row["id"] for row in api(person).get(f"/posts/{comment.post_id}/comments").json()["results"]]


def test_a_comment_taken_down_is_gone_for_others_and_comes_back(api, alice, carol, mod, comment):
    path = f"/moderation/comments/{comment.pk}"
    first, again = (api(mod).post(f"{path}/takedown", BECAUSE) for _ in range(2))
    assert first.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["target_type"], first.json()["target_id"]) == ("comment", str(comment.pk))
    assert listed(api, comment, carol) == listed(api, comment, alice) == []
    assert Post.objects.get().comment_count == 0
    restored, once_more = (api(mod).post(f"{path}/restore") for _ in range(2))
    assert restored.json() == once_more.json()
    assert listed(api, comment, carol) == [str(comment.pk)]
    assert Post.objects.get().comment_count == 1


def test_it_hits_the_comments_author_and_not_the_posts(bob, mod, comment):
    assert services.take_down_comment(comment, by=mod, **BECAUSE).affected_id == bob.pk


def test_an_appeal_that_succeeds_brings_it_back(api, bob, carol, mod, comment):
    action = services.take_down_comment(comment, by=mod, **BECAUSE)
    appeal = services.appeal(action, by=bob.pk, text="I repair them.")
    services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
    assert listed(api, comment, carol) == [str(comment.pk)]


def test_one_that_its_author_removed_stays_removed(api, bob, mod, comment):
    action = services.take_down_comment(comment, by=mod, **BECAUSE)
    appeal = services.appeal(action, by=bob.pk, text="I repair them.")
    engagement.remove_comment(comment.pk)
    assert api(mod).post(f"/moderation/comments/{comment.pk}/restore").status_code == 404
    services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
    assert not Comment.objects.filter(pk=comment.pk, removed_at=None).exists()
    assert ModerationAction.objects.filter(action="overturn_appeal").exists()
