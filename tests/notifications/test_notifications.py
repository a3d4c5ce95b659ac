"""Which events create notifications, when these are removed, and who is never notified of whom."""

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import publication
from apps.content import services as content
from apps.core.models import QueuedTask
from apps.engagement import comments
from apps.engagement import services as engagement
from apps.notifications import privacy, sync, tasks
from apps.notifications.models import Notification, NotificationEvent
from apps.social import services as social
from tests.factories import (
    BlockFactory,
    CommentFactory,
    FollowFactory,
    MediaFactory,
    MuteFactory,
    PostFactory,
    UserFactory,
    many,
)
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice):
    return PostFactory(author=alice, caption="Low tide")


@pytest.fixture
def notified(api, deliver):
    """`notified(alice)`: the notifications of a user as [(type, handles of the actors)], after all tasks have run."""

    def list_notifications(user):
        deliver()
        listed = api(user).get("/notifications").json()["results"]
        return [(row["type"], [actor["handle"] for actor in row["actors"]]) for row in listed]

    return list_notifications


class TestTypes:
    def test_like_notifies_the_author_of_the_post(self, api, deliver, alice, carol, post):
        api(carol).post(f"/posts/{post.pk}/like")
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert (row["type"], row["post_id"], row["preview"]) == ("like", str(post.pk), "Low tide")
        assert (row["actor_count"], row["read_at"], row["comment_id"]) == (1, None, None)
        assert api(alice).get("/auth/me").json()["unread_notifications"] == 1

    @pytest.mark.parametrize("name", ["", " Ada  Lovelace ", 'a "b" \\ c', "Åsa\u00a0Öberg 🎞"])
    @pytest.mark.parametrize("avatar", ["none", "private", "public"])
    def test_actors_and_mentioned_users_are_shown_like_post_authors(self, api, deliver, alice, carol, name, avatar):
        secrets = {"public": {"public_secret": "p-_0"}}.get(avatar, {})
        medium = None if avatar == "none" else MediaFactory(owner=carol, purpose="avatar", **secrets)
        User.objects.filter(pk=carol.pk).update(display_name=name, avatar=medium, is_verified=avatar == "public")
        shown = api(alice).get(f"/posts/{PostFactory(author=carol).pk}").json()["author"]
        assert (shown["display_name"], shown["avatar"] is None) == (name, medium is None)
        post = PostFactory(author=alice)
        api(carol).post(f"/posts/{post.pk}/like")
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert row["actors"] == [shown]
        said = api(alice).post(f"/posts/{post.pk}/comments", {"text": "for @carol"}).json()
        assert [{key: mention[key] for key in shown} for mention in said["mentions"]] == [shown]

    def test_comment_reply_and_mention_notify_each_user_once(self, api, notified, alice, bob, carol, post):
        thread = api(bob).post(f"/posts/{post.pk}/comments", {"text": "thread"}).json()
        api(carol).post(f"/posts/{post.pk}/comments", {"text": "hm @alice", "parent_id": thread["id"]})
        assert notified(alice) == [("mention", ["carol"]), ("comment", ["bob"])]
        assert notified(bob) == [("reply", ["carol"])]
        assert notified(carol) == []

    @pytest.mark.parametrize("text", ["❤️@alice", "1️⃣@alice", "👍🏽@alice\ufe0f", "(https://x.example/a)@alice"])
    def test_mention_after_an_emoji_or_a_url_notifies_the_user(self, api, notified, alice, carol, text):
        medium = MediaFactory(owner=carol)
        api(carol).post("/posts", {"media_ids": [str(medium.pk)], "caption": text})
        assert notified(alice) == [("mention", ["carol"])]

    def test_comment_like_notifies_the_author_of_the_comment(self, notified, alice, carol, post):
        engagement.like_comment(CommentFactory(post=post, author=carol).pk, by=alice.pk)
        assert notified(carol) == [("comment_like", ["alice"])]

    def test_follow_request_and_acceptance_notify_the_other_account(self, api, notified, alice, carol, bob):
        api(alice).post("/users/@carol/follow")
        assert notified(carol) == [("follow", ["alice"])]
        api(alice).patch("/users/me", {"is_private": True})
        api(carol).post("/users/@alice/follow")
        assert notified(alice) == [("follow_request", ["carol"])]
        api(alice).post("/follow-requests/@carol/accept")
        assert notified(alice) == []
        assert notified(carol) == [("follow_accepted", ["alice"]), ("follow", ["alice"])]

    def test_mention_in_a_published_caption_notifies_others_only(self, notified, alice, carol, bob):
        content.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="@carol @bob @alice")
        assert notified(carol) == [("mention", ["alice"])]
        assert notified(alice) == []

    @pytest.mark.parametrize("waits", [False, True])
    @pytest.mark.parametrize("mentions", [False, True])
    def test_mentions_are_synced_only_for_captions_that_have_some(self, alice, carol, waits, mentions):
        photo = MediaFactory(owner=alice)
        if waits:
            type(photo).objects.filter(pk=photo.pk).update(status="processing")
        caption = "with @carol" if mentions else "alone"
        made = content.create_post(author_id=alice.pk, media_ids=[photo.pk], caption=caption)
        if waits:
            type(photo).objects.filter(pk=photo.pk).update(status="ready")
            publication.settle(made.pk)
        rows = QueuedTask.objects.filter(kwargs__post_id=str(made.pk)).values_list("task_name", flat=True)
        assert ("apps.notifications.tasks.sync_mention_notifications" in rows) is mentions
        assert "apps.feed.tasks.push_post" in rows

    def test_actors_are_counted_up_to_a_thousand(self, api, alice, post):
        """Otherwise the list of a popular author would cost as much as all unread likes."""
        fans = many([User(handle=f"fan{n}", email=f"fan{n}@example.org") for n in range(1002)])
        notification = Notification.objects.create(recipient=alice, type="like", post=post)
        causes = [
            NotificationEvent(notification=notification, recipient=alice, actor=fan, cause=fan.pk) for fan in fans
        ]
        many(causes)
        [row] = api(alice).get("/notifications").json()["results"]
        assert row["actor_count"] == 1000
        assert [actor["handle"] for actor in row["actors"]] == ["fan1001", "fan1000", "fan999"]

    @pytest.mark.promise("P1")
    def test_mention_of_a_user_who_may_not_see_the_post_is_silent(self, notified, alice, bob, carol):
        content.create_post(
            author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="@carol @bob", visibility="followers"
        )
        assert notified(carol) == []
        assert notified(bob) == [("mention", ["alice"])]

    def test_own_actions_do_not_notify(self, notified, alice, post):
        engagement.like(post.pk, by=alice.pk)
        comments.comment(post.pk, by=alice.pk, text="@alice")
        assert notified(alice) == []


class TestFolding:
    def test_likes_of_a_post_fold_until_the_notification_is_read(self, api, deliver, notified, alice, post):
        people = [UserFactory(handle=f"fan{n}") for n in range(5)]
        for fan in people[:4]:
            engagement.like(post.pk, by=fan.pk)
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert [actor["handle"] for actor in row["actors"]] == ["fan3", "fan2", "fan1"]
        assert row["actor_count"] == 4
        assert row["updated_at"] > row["created_at"]
        api(alice).post(f"/notifications/{row['id']}/read")
        engagement.like(post.pk, by=people[4].pk)
        assert notified(alice) == [("like", ["fan4"]), ("like", ["fan3", "fan2", "fan1"])]

    def test_new_event_moves_the_notification_to_the_top(self, notified, alice, bob, carol):
        first, second = PostFactory(author=alice), PostFactory(author=alice)
        engagement.like(first.pk, by=bob.pk)
        engagement.like(second.pk, by=bob.pk)
        assert notified(alice) == [("like", ["bob"]), ("like", ["bob"])]
        engagement.like(first.pk, by=carol.pk)
        assert notified(alice) == [("like", ["carol", "bob"]), ("like", ["bob"])]

    def test_follows_fold_into_one_notification(self, notified, alice):
        for name in ("one", "two"):
            social.follow(alice.pk, by=UserFactory(handle=name).pk)
        assert notified(alice) == [("follow", ["two", "one"])]


class TestRunningTwice:
    @pytest.mark.promise("R2")
    def test_repeated_task_creates_no_second_notification(self, api, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(notified(alice)) == 1
        api(alice).post("/notifications/read")
        for _ in range(2):
            tasks.sync_like_notification(post_id=str(post.pk), actor_id=str(carol.pk), unknown=1)
        assert len(notified(alice)) == 1
        assert NotificationEvent.objects.count() == 1

    def test_undone_like_does_not_notify_when_tasks_run_out_of_order(self, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.unlike(post.pk, by=carol.pk)
        sync.sync_like_notification(post.pk, carol.pk)
        assert notified(alice) == []


class TestRemoval:
    def test_undone_or_deleted_cause_removes_the_notification(self, api, notified, alice, bob, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.like(post.pk, by=bob.pk)
        comment = comments.comment(post.pk, by=carol.pk, text="x")
        social.follow(alice.pk, by=carol.pk)
        assert len(notified(alice)) == 3
        engagement.unlike(post.pk, by=carol.pk)
        social.unfollow(alice.pk, by=carol.pk)
        comments.remove_comment(comment.pk)
        assert notified(alice) == [("like", ["bob"])]
        content.delete_post(post)
        assert notified(alice) == []
        assert not Notification.objects.exists()

    def test_withdrawn_follow_request_removes_the_notification(self, notified, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        social.follow(alice.pk, by=carol.pk)
        assert notified(alice) == [("follow_request", ["carol"])]
        social.unfollow(alice.pk, by=carol.pk)
        assert notified(alice) == []

    def test_edited_caption_without_the_mention_removes_the_notification(self, notified, alice, carol):
        post = content.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="@carol")
        assert notified(carol) == [("mention", ["alice"])]
        content.update_post(post, changes={"caption": "nobody"})
        assert notified(carol) == []

    @pytest.mark.promise("P6")
    def test_notification_is_hidden_while_its_target_is_hidden(self, api, notified, alice, bob, carol, post):
        comment = comments.comment(post.pk, by=carol.pk, text="@bob look")
        assert notified(bob) == [("mention", ["carol"])]
        comments.take_down_comment(comment)
        assert notified(bob) == []
        comments.restore_comment(comment)
        assert notified(bob) == [("mention", ["carol"])]
        social.remove_follower(bob.pk, by=alice.pk)
        content.update_post(post, changes={"visibility": "followers"})
        assert notified(bob) == []
        assert api(bob).get("/notifications/unread-count").json() == {"unread": 0}

    def test_notification_is_hidden_while_its_post_is_taken_down(self, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(notified(alice)) == 1
        content.take_down(post)
        assert notified(alice) == []
        content.restore(post)
        assert len(notified(alice)) == 1


class TestHiddenActors:
    @pytest.mark.promise("P5")
    def test_block_hides_existing_notifications(self, api, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(notified(alice)) == 1
        BlockFactory(blocker=carol, blocked=alice)
        assert notified(alice) == []
        assert api(alice).get("/notifications/unread-count").json() == {"unread": 0}

    @pytest.mark.promise("P5")
    def test_unblock_does_not_restore_notifications(self, api, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.like(PostFactory(author=carol).pk, by=alice.pk)
        assert (len(notified(alice)), len(notified(carol))) == (1, 1)
        api(alice).post("/users/@carol/block")
        api(alice).post("/users/@carol/unblock")
        assert (notified(alice), notified(carol)) == ([], [])

    def test_muted_actor_does_not_notify(self, notified, alice, bob, carol, post):
        MuteFactory(muter=alice, muted=carol)
        for who in (carol, bob):
            engagement.like(post.pk, by=who.pk)
        assert notified(alice) == [("like", ["bob"])]

    def test_suspended_actor_is_hidden_until_unsuspended(self, notified, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(notified(alice)) == 1
        accounts.suspend(carol, reason="spam")
        assert notified(alice) == []
        accounts.unsuspend(User.objects.get(pk=carol.pk))
        assert len(notified(alice)) == 1

    def test_hidden_actor_leaves_the_other_actors(self, api, deliver, alice, bob, carol, post):
        for who in (bob, carol):
            engagement.like(post.pk, by=who.pk)
        deliver()
        BlockFactory(blocker=alice, blocked=carol)
        [row] = api(alice).get("/notifications").json()["results"]
        assert ([actor["handle"] for actor in row["actors"]], row["actor_count"]) == (["bob"], 1)


class TestReading:
    @pytest.fixture
    def three(self, api, deliver, alice, carol):
        for _ in range(3):
            engagement.like(PostFactory(author=alice).pk, by=carol.pk)
        deliver()
        return api(alice).get("/notifications").json()["results"]

    def test_reading_twice_keeps_the_first_time(self, api, alice, three):
        first, second = (api(alice).post(f"/notifications/{three[0]['id']}/read").json() for _ in range(2))
        assert first == second
        assert first["read_at"] is not None
        assert api(alice).get("/notifications/unread-count").json() == {"unread": 2}

    def test_reading_up_to_a_notification_leaves_newer_ones_unread(self, api, alice, three):
        assert api(alice).post("/notifications/read", {"up_to": three[1]["id"]}).json() == {"unread": 1}
        assert [r["id"] for r in api(alice).get("/notifications?unread=true").json()["results"]] == [three[0]["id"]]
        assert api(alice).post("/notifications/read").json() == {"unread": 0}

    def test_list_is_filtered_by_type_and_unread(self, api, alice, three):
        assert len(api(alice).get("/notifications?type=like").json()["results"]) == 3
        assert api(alice).get("/notifications?type=follow").json()["results"] == []
        for bad in ("type=x", "unread=maybe"):
            assert api(alice).get(f"/notifications?{bad}").status_code == 400

    @pytest.mark.promise("P7")
    def test_notification_of_another_user_is_not_found(self, api, carol, three):
        assert api(carol).post(f"/notifications/{three[0]['id']}/read").status_code == 404
        assert api(carol).post("/notifications/read", {"up_to": three[0]["id"]}).status_code == 404
        assert Notification.objects.unread().count() == 3


@pytest.mark.promise("R2")
@pytest.mark.django_db(transaction=True)
def test_ten_concurrent_likes_fold_into_one_notification():
    author = UserFactory()
    post = PostFactory(author=author)
    fans = iter([UserFactory() for _ in range(10)])

    def act():
        fan = next(fans)
        engagement.like(post.pk, by=fan.pk)
        for _ in range(2):
            sync.sync_like_notification(post.pk, fan.pk)

    in_threads(10, act)
    assert Notification.objects.get().events.count() == 10


def test_erasure_removes_notifications_to_and_by_the_user(api, deliver, notified, alice, bob, carol, post):
    engagement.like(post.pk, by=carol.pk)
    engagement.like(post.pk, by=bob.pk)
    engagement.like(PostFactory(author=carol).pk, by=alice.pk)
    social.follow(alice.pk, by=carol.pk)
    api(carol).put("/notifications/preferences", {"like": {"in_app": True, "push": False, "email": True}})
    deliver()
    kinds = [kind for kind, _ in privacy.export(carol.pk)]
    assert kinds == ["notifications", "notification_preferences"]
    for _ in range(2):
        privacy.erase(carol.pk)
    assert notified(alice) == [("like", ["bob"])]
    assert not Notification.objects.filter(recipient=carol).exists()
    assert not list(privacy.export(carol.pk))


def test_follower_of_a_private_account_is_notified_of_mentions(notified, alice, carol):
    FollowFactory(follower=carol, followed=alice)
    accounts.update_profile(alice, changes={"is_private": True})
    content.create_post(author_id=alice.pk, media_ids=[MediaFactory(owner=alice).pk], caption="@carol")
    assert notified(carol) == [("mention", ["alice"])]
