"""Comments: one level of replies, tombstones, and who may remove them."""

import pytest

from apps.accounts import services as accounts
from apps.content.models import Post
from apps.engagement import comments, privacy, services
from apps.engagement.models import Comment, CommentLike, Like, Save
from tests.engagement.test_likes_and_saves import drift
from tests.factories import PASSWORD, BlockFactory, CommentFactory, FollowFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice):
    return PostFactory(author=alice)


def say(api, who, post, text="What light!", **fields):
    return api(who).post(f"/posts/{post.pk}/comments", {"text": text, **fields})


def texts(caller, post, parent=None):
    query = f"?parent_id={parent}" if parent else ""
    return [row["text"] for row in caller.get(f"/posts/{post.pk}/comments{query}").json()["results"]]


class TestCommenting:
    def test_comment_is_shown_as_typed_and_counted(self, api, anonymous, alice, carol, post):
        made = say(api, carol, post, "Où? @alice <b>é</b>")
        assert made.status_code == 201
        card = made.json()
        assert card["text"] == "Où? @alice <b>é</b>"
        assert card["author"]["handle"] == "carol"
        assert [(m["handle"], m["offset"], m["length"]) for m in card["mentions"]] == [("alice", 4, 6)]
        assert (card["counts"], card["viewer"], card["removed"]) == (
            {"likes": 0, "replies": 0},
            {"liked": False},
            False,
        )
        shown = anonymous.get(f"/posts/{post.pk}/comments").json()["results"]
        assert shown == [{**card, "viewer": None}]
        assert api(alice).get(f"/posts/{post.pk}").json()["counts"]["comments"] == 1

    def test_threads_are_newest_first_and_replies_oldest_first(self, api, alice, carol, post):
        first, second = (say(api, carol, post, text).json() for text in ("first", "second"))
        reply = say(api, alice, post, "reply", parent_id=first["id"]).json()
        deeper = say(api, carol, post, "deeper", parent_id=reply["id"]).json()
        assert reply["parent_id"] == deeper["parent_id"] == first["id"]
        assert texts(api(alice), post) == ["second", "first"]
        assert texts(api(alice), post, first["id"]) == ["reply", "deeper"]
        assert texts(api(alice), post, second["id"]) == []
        assert api(alice).get(f"/posts/{post.pk}/comments").json()["results"][1]["counts"]["replies"] == 2

    def test_invisible_parent_is_refused_like_an_unknown_id(self, api, alice, bob, carol, post):
        elsewhere = CommentFactory(post=PostFactory(author=alice), author=alice)
        hidden = CommentFactory(post=post, author=bob)
        BlockFactory(blocker=bob, blocked=carol)
        answers = [
            say(api, carol, post, parent_id=str(pk)).json()["errors"]
            for pk in (elsewhere.pk, hidden.pk, "019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10")
        ]
        assert answers[0] == answers[1] == answers[2]
        assert answers[0][0]["code"] == "invalid_parent"
        assert api(carol).get(f"/posts/{post.pk}/comments?parent_id={hidden.pk}").status_code == 404
        assert api(carol).get(f"/posts/{post.pk}/comments?parent_id=x").status_code == 400

    def test_comment_is_refused_if_comments_are_disabled(self, api, alice, carol, post):
        api(alice).patch(f"/posts/{post.pk}", {"comments_enabled": False})
        for who in (carol, alice):
            answer = say(api, who, post)
            assert (answer.status_code, answer.json()["code"]) == (403, "comments_disabled")

    @pytest.mark.promise("I2")
    @pytest.mark.parametrize("text", ["", "  \n ", "x" * 1001, "a\u0000b", "\u202egnp.exe", None, 7])
    def test_invalid_text_is_refused(self, api, carol, post, text):
        answer = api(carol).post(f"/posts/{post.pk}/comments", {"text": text})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "text")

    @pytest.mark.promise("R4")
    def test_same_idempotency_key_creates_one_comment(self, api, carol, post):
        caller = api(carol)
        answers = [caller.post(f"/posts/{post.pk}/comment", {"text": "x"}, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["Idempotency-Replayed"] == "true"
        assert Comment.objects.count() == 1

    @pytest.mark.promise("P4")
    def test_comments_of_an_invisible_post_are_not_found(self, api, anonymous, alice, carol):
        hidden = PostFactory(author=alice, visibility="followers")
        comment = CommentFactory(post=hidden, author=alice)
        for caller in (api(carol), anonymous):
            assert caller.get(f"/posts/{hidden.pk}/comments").status_code == 404
        assert say(api, carol, hidden).status_code == 404
        assert api(carol).post(f"/comments/{comment.pk}/like").status_code == 404
        assert api(carol).delete(f"/posts/{hidden.pk}/comments/{comment.pk}").status_code == 404


class TestWhatAViewerSees:
    @pytest.mark.promise("P5")
    def test_comments_across_a_block_are_neither_shown_nor_counted(self, api, alice, bob, carol, post):
        for who in (bob, carol):
            say(api, who, post, who.handle)
        BlockFactory(blocker=carol, blocked=bob)
        assert texts(api(bob), post) == ["bob"]
        assert texts(api(carol), post) == ["carol"]
        assert texts(api(alice), post) == ["carol", "bob"]
        assert api(bob).get(f"/posts/{post.pk}").json()["counts"]["comments"] == 1
        assert api(alice).get(f"/posts/{post.pk}").json()["counts"]["comments"] == 2

    @pytest.mark.promise("P2")
    def test_comments_of_a_suspended_account_are_hidden(self, api, alice, carol, post):
        say(api, carol, post, "spam")
        accounts.suspend(carol, reason="spam")
        assert texts(api(alice), post) == []
        accounts.unsuspend(carol)
        assert texts(api(alice), post) == ["spam"]

    def test_takedown_hides_a_comment_and_restoration_shows_it(self, api, alice, carol, post):
        comment = Comment.objects.get(pk=say(api, carol, post).json()["id"])
        assert [comments.take_down_comment(comment) for _ in range(2)] == [True, False]
        assert texts(api(alice), post) == []
        assert texts(api(carol), post) == []
        assert not drift()
        assert [comments.restore_comment(comment) for _ in range(2)] == [True, False]
        assert texts(api(alice), post) == ["What light!"]
        assert not drift()


class TestRemoving:
    # author of the comment, of the post, somebody else, a moderator
    @pytest.mark.parametrize(("who", "status"), [("carol", 204), ("alice", 204), ("bob", 403), ("mod", 204)])
    def test_comment_is_removed_by_its_author_post_author_or_moderator(self, api, who, status, request, carol, post):
        comment = CommentFactory(post=post, author=carol)
        caller = api(request.getfixturevalue(who))
        assert caller.delete(f"/posts/{post.pk}/comments/{comment.pk}").status_code == status
        if status == 204:
            assert caller.delete(f"/posts/{post.pk}/comments/{comment.pk}").status_code == 404
            assert api(carol).get(f"/posts/{post.pk}").json()["counts"]["comments"] == 0
        assert not drift()

    def test_comment_is_only_found_under_its_post(self, api, alice, carol, post):
        comment = CommentFactory(post=post, author=carol)
        other = PostFactory(author=carol)
        assert api(carol).delete(f"/posts/{other.pk}/comments/{comment.pk}").status_code == 404

    def test_removed_comment_is_a_tombstone_while_it_has_replies(self, api, alice, bob, carol, post):
        thread = CommentFactory(post=post, author=carol, text="thread @alice")
        replies = [CommentFactory(post=post, author=who, text="reply", parent=thread) for who in (alice, bob)]
        api(bob).post(f"/comments/{thread.pk}/like")
        assert api(carol).delete(f"/posts/{post.pk}/comments/{thread.pk}").status_code == 204
        [stone] = api(bob).get(f"/posts/{post.pk}/comments").json()["results"]
        assert (stone["removed"], stone["author"], stone["text"], stone["mentions"]) == (True, None, "", [])
        assert stone["counts"] == {"likes": 0, "replies": 2}
        assert texts(api(bob), post, thread.pk) == ["reply", "reply"]
        assert api(bob).post(f"/comments/{thread.pk}/like").status_code == 404
        assert say(api, bob, post, parent_id=str(thread.pk)).status_code == 400
        assert api(bob).get(f"/posts/{post.pk}").json()["counts"]["comments"] == 2
        assert not drift()
        for reply in replies:
            assert api(alice).delete(f"/posts/{post.pk}/comments/{reply.pk}").status_code == 204
        assert not Comment.objects.exists()
        assert not drift()


class TestLikingAComment:
    def test_comment_like_is_idempotent(self, api, alice, carol, post):
        comment = CommentFactory(post=post, author=alice)
        for method, liked in (("post", True), ("delete", False)):
            answers = [getattr(api(carol), method)(f"/comments/{comment.pk}/like").json() for _ in range(2)]
            assert answers[0] == answers[1] == {"liked": liked, "counts": {"likes": int(liked), "replies": 0}}
        assert not drift()

    @pytest.mark.promise("P5")
    def test_comment_across_a_block_cannot_be_liked(self, api, alice, bob, carol, post):
        comment = CommentFactory(post=post, author=bob)
        BlockFactory(blocker=bob, blocked=carol)
        assert api(carol).post(f"/comments/{comment.pk}/like").status_code == 404


class TestAPersonsRights:
    @pytest.mark.promise("P10")
    def test_erasure_removes_own_reactions_and_keeps_others_comments(self, alice, bob, carol):
        posts = [PostFactory(author=alice) for _ in range(3)]
        for post in posts:
            services.like(post.pk, by=carol.pk)
            services.like(post.pk, by=bob.pk)
            services.save(post.pk, by=carol.pk)
        thread = comments.comment(posts[0].pk, by=carol.pk, text="thread")
        reply = comments.comment(posts[0].pk, by=bob.pk, text="@carol", parent_id=thread.pk)
        comments.comment(posts[1].pk, by=carol.pk, text="alone")
        services.like_comment(reply.pk, by=carol.pk)
        for _ in range(2):
            privacy.erase(carol.pk)
        assert set(Like.objects.values_list("user", flat=True)) == {bob.pk}
        assert not Save.objects.exists()
        assert not CommentLike.objects.exists()
        assert set(Comment.objects.values_list("text", "author")) == {("", None), ("@carol", bob.pk)}
        assert not reply.mentions.exists()
        assert not drift()

    def test_export_contains_own_reactions(self, alice, carol):
        post = PostFactory(author=alice)
        services.like(post.pk, by=carol.pk)
        services.save(post.pk, by=carol.pk)
        mine = comments.comment(post.pk, by=carol.pk, text="mine")
        comments.comment(post.pk, by=alice.pk, text="hers")
        services.like_comment(mine.pk, by=carol.pk)
        rows = list(privacy.export(carol.pk))
        assert [kind for kind, _ in rows] == ["likes", "saves", "comments", "comment_likes"]
        assert rows[2][1]["text"] == "mine"

    def test_comments_of_an_account_in_deletion_are_hidden_until_restored(self, api, alice, carol, post):
        say(api, carol, post, "mine")
        api(carol).delete("/users/me", {"password": PASSWORD})
        assert texts(api(alice), post) == []


def test_comment_on_a_followers_only_post_is_seen_by_followers(api, alice, bob):
    post = PostFactory(author=alice, visibility="followers")
    fan = UserFactory()
    FollowFactory(follower=fan, followed=alice)
    say(api, bob, post, "us")
    assert texts(api(fan), post) == ["us"]
    assert Post.objects.get().comment_count == 1
