"""Likes and saves: one per person, counted once, seen by whom the post is seen by."""

import pytest

from apps.content import services as content
from apps.content.models import Post
from apps.core.errors import Invalid, NotFound
from apps.core.models import QueuedTask
from apps.engagement import comments, services
from apps.engagement.models import Comment, CommentLike, Like, Save
from tests.counting import drift
from tests.factories import BlockFactory, CommentFactory, PostFactory, UserFactory
from tests.threads import in_crews, in_threads

pytestmark = pytest.mark.django_db


class TestALike:
    def test_like_and_unlike_are_idempotent(self, api, alice, carol):
        post = PostFactory(author=alice)
        liked = [api(carol).post(f"/posts/{post.pk}/like") for _ in range(2)]
        assert [answer.status_code for answer in liked] == [200, 200]
        assert liked[0].json() == liked[1].json() == {"liked": True, "counts": {"likes": 1, "comments": 0}}
        assert api(carol).get(f"/posts/{post.pk}").json()["viewer"] == {"liked": True, "saved": False}
        undone = [api(carol).delete(f"/posts/{post.pk}/like") for _ in range(2)]
        assert undone[0].json() == undone[1].json() == {"liked": False, "counts": {"likes": 0, "comments": 0}}
        assert not drift()

    def test_like_that_changes_nothing_enqueues_no_task(self, alice, carol):
        post, rung = PostFactory(author=alice), []
        for verb in (services.unlike, services.like, services.like, services.unlike, services.unlike):
            verb(post.pk, by=carol.pk)
            rung.append(QueuedTask.objects.filter(task_name__endswith="sync_like_notification").count())
        assert rung == [0, 1, 1, 2, 2]
        assert QueuedTask.objects.last().kwargs == {"post_id": str(post.pk), "actor_id": str(carol.pk)}

    def test_like_is_listed_for_the_post_and_for_the_user(self, api, alice, bob, carol):
        post, other = PostFactory(author=alice), PostFactory(author=alice)
        for liker in (bob, carol):
            api(liker).post(f"/posts/{post.pk}/like")
        api(carol).post(f"/posts/{other.pk}/like")
        listed = api(alice).get(f"/posts/{post.pk}/likes").json()["results"]
        assert [row["user"]["handle"] for row in listed] == ["carol", "bob"]
        assert listed[1]["viewer"]["followed_by"] is True
        mine = api(carol).get("/users/me/liked").json()["results"]
        assert [row["id"] for row in mine] == [str(other.pk), str(post.pk)]

    @pytest.mark.promise("P4")
    def test_like_of_an_invisible_post_answers_like_an_unknown_one(self, api, alice, carol, mallory):
        hidden = PostFactory(author=alice, visibility="followers")
        for path in ("like", "save"):
            assert api(carol).post(f"/posts/{hidden.pk}/{path}").status_code == 404
            assert api(carol).delete(f"/posts/{hidden.pk}/{path}").status_code == 404
        assert api(carol).get(f"/posts/{hidden.pk}/likes").status_code == 404
        assert api(mallory).post(f"/posts/{PostFactory(author=alice).pk}/like").status_code == 404
        assert not Like.objects.exists()

    @pytest.mark.promise("P5")
    def test_like_of_a_blocked_user_is_neither_listed_nor_counted(self, api, alice, bob, carol):
        post = PostFactory(author=alice)
        for liker in (bob, carol):
            api(liker).post(f"/posts/{post.pk}/like")
        BlockFactory(blocker=bob, blocked=carol)
        for viewer, hidden in ((bob, "carol"), (carol, "bob")):
            listed = api(viewer).get(f"/posts/{post.pk}/likes").json()["results"]
            assert hidden not in [row["user"]["handle"] for row in listed]
            assert api(viewer).get(f"/posts/{post.pk}").json()["counts"]["likes"] == 1
        assert api(alice).get(f"/posts/{post.pk}").json()["counts"]["likes"] == 2

    @pytest.mark.promise("P2")
    def test_hidden_post_is_not_in_liked_and_saved_lists(self, api, alice, carol):
        post = PostFactory(author=alice)
        api(carol).post(f"/posts/{post.pk}/like")
        api(carol).post(f"/posts/{post.pk}/save")
        api(alice).patch("/users/me", {"is_private": True})
        for path in ("liked", "saved"):
            assert api(carol).get(f"/users/me/{path}").json()["results"] == []


class TestASave:
    def test_saves_are_private(self, api, alice, carol):
        post = PostFactory(author=alice)
        for _ in range(2):
            assert api(carol).post(f"/posts/{post.pk}/save").json() == {"saved": True}
        assert Save.objects.count() == 1
        assert api(carol).get(f"/posts/{post.pk}").json()["viewer"]["saved"] is True
        assert [row["id"] for row in api(carol).get("/users/me/saved").json()["results"]] == [str(post.pk)]
        for _ in range(2):
            assert api(carol).delete(f"/posts/{post.pk}/save").json() == {"saved": False}
        assert not Save.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestRaces:
    @pytest.mark.promise("R1")
    def test_count_equals_rows_after_a_thousand_likes_and_unlikes(self):
        """Ten threads at once, each for five people: 1,000 acts, and as many on a comment."""
        author = UserFactory()
        post = PostFactory(author=author)
        comment = CommentFactory(post=post, author=author)

        def act(crew, dice):
            for _ in range(100):
                person = dice.choice(crew)
                dice.choice([services.like, services.unlike])(post.pk, by=person.pk)
                dice.choice([services.like_comment, services.unlike_comment])(comment.pk, by=person.pk)

        in_crews(act)
        post.refresh_from_db()
        comment.refresh_from_db()
        assert post.like_count == Like.objects.count() > 0
        assert comment.like_count == CommentLike.objects.count() > 0
        assert not drift()

    @pytest.mark.promise("R1")
    def test_count_equals_rows_after_a_thousand_comments_and_removals(self):
        """Replies among them, so that tombstones come and go."""
        post = PostFactory(author=UserFactory())

        def act(crew, dice):
            mine = []
            for _ in range(100):
                if mine and dice.random() < 0.4:
                    comments.remove_comment(mine.pop(dice.randrange(len(mine))).pk)
                    continue
                person = dice.choice(crew)
                roots = list(Comment.objects.visible_to(person.pk).values_list("pk", flat=True)[:5])
                try:
                    parent = dice.choice(roots) if roots and dice.random() < 0.5 else None
                    mine.append(comments.comment(post.pk, by=person.pk, text="x", parent_id=parent))
                except Invalid:
                    pass  # removed between the look and the reply

        in_crews(act)
        post.refresh_from_db()
        assert post.comment_count == Comment.objects.published().count() > 0
        assert not drift()

    @pytest.mark.promise("R1")
    def test_last_of_a_thousand_saves_and_unsaves_decides(self):
        """Saves are not counted: what must hold is that each person's last act is what is kept."""
        post = PostFactory(author=UserFactory())

        def act(crew, dice):
            last = {}
            for _ in range(100):
                person = dice.choice(crew)
                last[person.pk] = dice.choice([services.save, services.unsave])
                last[person.pk](post.pk, by=person.pk)
            return {pk for pk, verb in last.items() if verb is services.save}

        saved = set().union(*in_crews(act))
        assert set(Save.objects.values_list("user", flat=True)) == saved
        assert Save.objects.count() == len(saved) > 0

    @pytest.mark.promise("R3")
    def test_removed_comment_keeps_no_like_or_reply(self):
        for _ in range(5):
            author = UserFactory()
            comment = CommentFactory(post=PostFactory(author=author), author=author)
            deeds = iter(
                [
                    lambda c=comment: comments.remove_comment(c.pk),
                    lambda c=comment: services.like_comment(c.pk, by=UserFactory().pk),
                    lambda c=comment: comments.comment(c.post_id, by=UserFactory().pk, text="x", parent_id=c.pk),
                ]
            )

            def act(deeds=deeds):
                try:
                    next(deeds)()
                except (NotFound, Invalid):
                    return False
                return True

            in_threads(3, act)
            assert not Comment.objects.published().filter(pk=comment.pk).exists()
            assert not CommentLike.objects.exists()
            assert not drift()

    @pytest.mark.promise("R2")
    def test_ten_concurrent_likes_of_a_user_count_once(self):
        post, fan = PostFactory(author=UserFactory()), UserFactory()
        in_threads(10, lambda: services.like(post.pk, by=fan.pk))
        post.refresh_from_db()
        assert (Like.objects.count(), post.like_count) == (1, 1)

    @pytest.mark.promise("R3")
    @pytest.mark.parametrize("_", range(5))
    def test_deleted_post_keeps_no_like_or_comment(self, _):
        post, fan = PostFactory(author=UserFactory()), UserFactory()
        deeds = iter(
            [
                lambda: content.delete_post(post),
                lambda: services.like(post.pk, by=fan.pk),
                lambda: comments.comment(post.pk, by=fan.pk, text="x"),
                lambda: services.save(post.pk, by=fan.pk),
            ]
        )

        def act():
            try:
                next(deeds)()
            except NotFound:
                return "refused"
            return "done"

        assert len(in_threads(4, act)) == 4
        assert not Post.objects.filter(pk=post.pk).exists()
        assert not Like.objects.exists()
        assert not Comment.objects.exists()
        assert not Save.objects.exists()
