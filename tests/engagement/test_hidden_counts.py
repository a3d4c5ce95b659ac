"""What somebody's counts leave out: likes and comments of people with a block between them."""

import pytest

from apps.engagement import comments
from apps.engagement import services as engagement
from tests.factories import BlockFactory, CommentFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def eve():
    return UserFactory(handle="eve")


@pytest.fixture
def post(alice, carol, eve):
    """Liked and commented on by carol, dora and eve; the first comment has a like and a reply by each."""
    made, people = PostFactory(author=alice), [carol, UserFactory(handle="dora"), eve]
    thread = CommentFactory(post=made, author=alice)
    for person in people:
        engagement.like(made.pk, by=person.pk)
        engagement.like_comment(thread.pk, by=person.pk)
        comments.comment(made.pk, by=person.pk, text="What light!")
        comments.comment(made.pk, by=person.pk, text="Yes.", parent_id=thread.pk)
    return made


def counts(api, bob, post):
    """Likes and comments of the post, likes and replies of its first comment, as bob is told."""
    caller = api(bob)
    shown = caller.get(f"/posts/{post.pk}").json()["counts"]
    thread = caller.get(f"/posts/{post.pk}/comments").json()["results"][-1]["counts"]
    return shown["likes"], shown["comments"], thread["likes"], thread["replies"]


@pytest.mark.promise("P5")
@pytest.mark.parametrize("others", [0, 1, 40], ids=lambda n: f"{n} others are blocked")
@pytest.mark.parametrize("by_bob", [False, True])
def test_comments_of_many_blocked_users_are_not_counted(api, bob, eve, post, others, by_bob):
    """Looked for among the blocked people where these are fewer, otherwise among what is counted."""
    whole = counts(api, bob, post)
    for person in [UserFactory() for _ in range(others)]:
        BlockFactory(blocker=bob, blocked=person)
    assert counts(api, bob, post) == whole
    if by_bob:
        BlockFactory(blocker=bob, blocked=eve)
    else:
        BlockFactory(blocker=eve, blocked=bob)
    likes, comments, comment_likes, replies = whole
    assert counts(api, bob, post) == (likes - 1, comments - 2, comment_likes - 1, replies - 1)


@pytest.mark.promise("P5")
def test_taken_down_comment_is_not_subtracted_twice(api, bob, eve, post):
    last = comments.comment(post.pk, by=eve.pk, text="Gone.")
    before = counts(api, bob, post)
    comments.remove_comment(last.pk)
    for person in [eve, *(UserFactory() for _ in range(40))]:
        BlockFactory(blocker=bob, blocked=person)
    likes, comment_count, comment_likes, replies = before
    assert counts(api, bob, post) == (likes - 1, comment_count - 3, comment_likes - 1, replies - 1)
