"""Comments taken down and restored."""

import pytest

from apps.content.models import Post
from apps.engagement import comments as engagement
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.models import ModerationAction, Statement
from tests.factories import PostFactory
from tests.moderation.people import BECAUSE, make_moderator

pytestmark = pytest.mark.django_db


@pytest.fixture
def comment(alice, bob):
    return engagement.comment(PostFactory(author=alice).pk, by=bob.pk, text="Watches!")


def listed(api, comment, person):
    return [row["id"] for row in api(person).get(f"/posts/{comment.post_id}/comments").json()["results"]]


def test_comment_taken_down_is_hidden_and_restored(api, alice, carol, mod, comment):
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


def test_author_of_the_comment_is_the_affected_user(bob, mod, comment):
    assert services.take_down_comment(comment, by=mod, **BECAUSE).affected_id == bob.pk


def test_overturned_appeal_restores_the_comment(api, bob, carol, mod, comment):
    action = services.take_down_comment(comment, by=mod, **BECAUSE)
    appeal = services.appeal(action, by=bob.pk, text="I repair them.")
    services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
    assert listed(api, comment, carol) == [str(comment.pk)]


def test_comment_deleted_by_a_moderator_is_recorded_and_appealable(api, bob, carol, mod, comment):
    reply = engagement.comment(comment.post_id, by=carol.pk, text="Really?", parent_id=comment.pk)
    path = f"/posts/{comment.post_id}/comments/{comment.pk}"
    assert [api(mod).delete(path).status_code for _ in range(2)] == [204, 404]
    [stone] = api(carol).get(f"/posts/{comment.post_id}/comments").json()["results"]
    assert (stone["removed"], stone["author"], stone["text"]) == (True, None, "")
    action = ModerationAction.objects.get()
    assert (action.action, action.actor, action.affected_id) == ("takedown", mod, bob.pk)
    assert Statement.objects.get().user == bob
    appeal = services.appeal(action, by=bob.pk, text="I repair them.")
    services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
    assert api(carol).get(f"/posts/{comment.post_id}/comments").json()["results"][0]["text"] == "Watches!"
    assert Comment.objects.filter(pk=reply.pk).exists()


def test_moderator_cannot_delete_comment_of_an_admin(api, alice, mod):
    by_an_admin = engagement.comment(PostFactory(author=alice).pk, by=make_moderator("root", "admin").pk, text="Hello")
    answer = api(mod).delete(f"/posts/{by_an_admin.post_id}/comments/{by_an_admin.pk}")
    assert (answer.status_code, answer.json()["code"]) == (403, "cannot_moderate")
    assert Comment.objects.published().exists()


def test_moderator_removes_comments_of_their_own_and_on_own_posts(api, bob, mod):
    post = PostFactory(author=mod)
    for writer in (mod, bob):
        comment = engagement.comment(post.pk, by=writer.pk, text="x")
        assert api(mod).delete(f"/posts/{post.pk}/comments/{comment.pk}").status_code == 204
    assert not Comment.objects.exists()
    assert not ModerationAction.objects.exists()


def test_removed_comment_stays_removed(api, bob, mod, comment):
    action = services.take_down_comment(comment, by=mod, **BECAUSE)
    appeal = services.appeal(action, by=bob.pk, text="I repair them.")
    engagement.remove_comment(comment.pk)
    assert api(mod).post(f"/moderation/comments/{comment.pk}/restore").status_code == 404
    services.decide_appeal(appeal, by=make_moderator("other"), overturn=True)
    assert not Comment.objects.filter(pk=comment.pk, removed_at=None).exists()
    assert ModerationAction.objects.filter(action="overturn_appeal").exists()
