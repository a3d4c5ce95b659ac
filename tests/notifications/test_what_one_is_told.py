"""What people are told of, when it is withdrawn, and who never hears of whom."""

import pytest

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.content import publication
from apps.content import services as content
from apps.core.models import QueuedTask
from apps.engagement import comments
from apps.engagement import services as engagement
from apps.notifications import privacy, tasks, telling
from apps.notifications.models import Act, Notification
from apps.social import services as social
from tests.factories import make_block, make_comment, make_follow, make_media, make_mute, make_post, make_user, many
from tests.threads import in_threads

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(alice):
    return make_post(alice, caption="Low tide")


@pytest.fixture
def told(api, deliver):
    """[(type, actors)] of what somebody is told, when everything has been delivered."""

    def told(who):
        deliver()
        listed = api(who).get("/notifications").json()["results"]
        return [(row["type"], [actor["handle"] for actor in row["actors"]]) for row in listed]

    return told


class TestEachCause:
    def test_a_like_of_ones_post(self, api, deliver, alice, carol, post):
        api(carol).post(f"/posts/{post.pk}/like")
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert (row["type"], row["post_id"], row["preview"]) == ("like", str(post.pk), "Low tide")
        assert (row["actor_count"], row["read_at"], row["comment_id"]) == (1, None, None)
        assert api(alice).get("/auth/me").json()["unread_notifications"] == 1

    @pytest.mark.parametrize("name", ["", " Ada  Lovelace ", 'a "b" \\ c', "Åsa\u00a0Öberg 🎞"])
    @pytest.mark.parametrize("avatar", ["none", "private", "public"])
    def test_who_acts_and_who_is_mentioned_is_shown_as_by_their_posts(self, api, deliver, alice, carol, name, avatar):
        secrets = {"public": {"public_secret": "p-_0"}}.get(avatar, {})
        medium = None if avatar == "none" else make_media(carol, purpose="avatar", **secrets)
        User.objects.filter(pk=carol.pk).update(display_name=name, avatar=medium, is_verified=avatar == "public")
        shown = api(alice).get(f"/posts/{make_post(carol).pk}").json()["author"]
        assert (shown["display_name"], shown["avatar"] is None) == (name, medium is None)
        post = make_post(alice)
        api(carol).post(f"/posts/{post.pk}/like")
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert row["actors"] == [shown]
        said = api(alice).post(f"/posts/{post.pk}/comments", {"text": "for @carol"}).json()
        assert [{key: mention[key] for key in shown} for mention in said["mentions"]] == [shown]

    def test_a_comment_a_reply_and_a_mention_each_once(self, api, told, alice, bob, carol, post):
        thread = api(bob).post(f"/posts/{post.pk}/comments", {"text": "thread"}).json()
        api(carol).post(f"/posts/{post.pk}/comments", {"text": "hm @alice", "parent_id": thread["id"]})
        assert told(alice) == [("mention", ["carol"]), ("comment", ["bob"])]
        assert told(bob) == [("reply", ["carol"])]
        assert told(carol) == []

    def test_a_comments_like(self, told, alice, carol, post):
        engagement.like_comment(make_comment(post, carol).pk, by=alice.pk)
        assert told(carol) == [("comment_like", ["alice"])]

    def test_a_follow_a_request_and_its_acceptance(self, api, told, alice, carol, bob):
        api(alice).post("/users/@carol/follow")
        assert told(carol) == [("follow", ["alice"])]
        api(alice).patch("/users/me", {"is_private": True})
        api(carol).post("/users/@alice/follow")
        assert told(alice) == [("follow_request", ["carol"])]
        api(alice).post("/follow-requests/@carol/accept")
        assert told(alice) == []
        assert told(carol) == [("follow_accepted", ["alice"]), ("follow", ["alice"])]

    def test_a_mention_in_a_caption_once_it_is_published(self, told, alice, carol, bob):
        content.create_post(author_id=alice.pk, media_ids=[make_media(alice).pk], caption="@carol @bob @alice")
        assert told(carol) == [("mention", ["alice"])]
        assert told(alice) == []

    @pytest.mark.parametrize("waits", [False, True])
    @pytest.mark.parametrize("mentions", [False, True])
    def test_a_task_looks_for_mentions_only_where_there_are_some(self, alice, carol, waits, mentions):
        photo = make_media(alice)
        if waits:
            type(photo).objects.filter(pk=photo.pk).update(status="processing")
        caption = "with @carol" if mentions else "alone"
        made = content.create_post(author_id=alice.pk, media_ids=[photo.pk], caption=caption)
        if waits:
            type(photo).objects.filter(pk=photo.pk).update(status="ready")
            publication.settle(made.pk)
        rows = QueuedTask.objects.filter(kwargs__post_id=str(made.pk)).values_list("task_name", flat=True)
        assert ("apps.notifications.tasks.tell_of_mentions" in rows) is mentions
        assert "apps.feed.tasks.push_post" in rows

    def test_those_who_like_a_post_are_counted_up_to_a_thousand(self, api, alice, post):
        """Or a popular author's list would cost as much as all likes that they have not read."""
        fans = many([User(handle=f"fan{n}", email=f"fan{n}@example.org") for n in range(1002)])
        notification = Notification.objects.create(recipient=alice, type="like", post=post)
        causes = [Act(notification=notification, recipient=alice, actor=fan, cause=fan.pk) for fan in fans]
        many(causes)
        [row] = api(alice).get("/notifications").json()["results"]
        assert row["actor_count"] == 1000
        assert [actor["handle"] for actor in row["actors"]] == ["fan1001", "fan1000", "fan999"]

    def test_p1_a_mention_widens_nobodys_sight(self, told, alice, bob, carol):
        content.create_post(
            author_id=alice.pk, media_ids=[make_media(alice).pk], caption="@carol @bob", visibility="followers"
        )
        assert told(carol) == []
        assert told(bob) == [("mention", ["alice"])]

    def test_never_ones_own_acts(self, told, alice, post):
        engagement.like(post.pk, by=alice.pk)
        comments.comment(post.pk, by=alice.pk, text="@alice")
        assert told(alice) == []


class TestFolding:
    def test_likes_of_one_post_fold_while_they_are_unread(self, api, deliver, told, alice, post):
        people = [make_user(f"fan{n}") for n in range(5)]
        for fan in people[:4]:
            engagement.like(post.pk, by=fan.pk)
        deliver()
        [row] = api(alice).get("/notifications").json()["results"]
        assert [actor["handle"] for actor in row["actors"]] == ["fan3", "fan2", "fan1"]
        assert row["actor_count"] == 4
        assert row["updated_at"] > row["created_at"]
        api(alice).post(f"/notifications/{row['id']}/read")
        engagement.like(post.pk, by=people[4].pk)
        assert told(alice) == [("like", ["fan4"]), ("like", ["fan3", "fan2", "fan1"])]

    def test_the_latest_comes_first(self, told, alice, bob, carol):
        first, second = make_post(alice), make_post(alice)
        engagement.like(first.pk, by=bob.pk)
        engagement.like(second.pk, by=bob.pk)
        assert told(alice) == [("like", ["bob"]), ("like", ["bob"])]
        engagement.like(first.pk, by=carol.pk)
        assert told(alice) == [("like", ["carol", "bob"]), ("like", ["bob"])]

    def test_follows_fold(self, told, alice):
        for name in ("one", "two"):
            social.follow(alice.pk, by=make_user(name).pk)
        assert told(alice) == [("follow", ["two", "one"])]


class TestRunningTwice:
    def test_r2_tells_once_also_after_it_was_read(self, api, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(told(alice)) == 1
        api(alice).post("/notifications/read")
        for _ in range(2):
            tasks.tell_of_like(post_id=str(post.pk), actor_id=str(carol.pk), unknown=1)
        assert len(told(alice)) == 1
        assert Act.objects.count() == 1

    def test_an_undone_deed_whose_tasks_run_the_wrong_way_round_tells_nothing(self, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.unlike(post.pk, by=carol.pk)
        telling.of_like(post.pk, carol.pk)
        assert told(alice) == []


class TestWithdrawal:
    def test_with_its_cause(self, api, told, alice, bob, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.like(post.pk, by=bob.pk)
        comment = comments.comment(post.pk, by=carol.pk, text="x")
        social.follow(alice.pk, by=carol.pk)
        assert len(told(alice)) == 3
        engagement.unlike(post.pk, by=carol.pk)
        social.unfollow(alice.pk, by=carol.pk)
        comments.remove_comment(comment.pk)
        assert told(alice) == [("like", ["bob"])]
        content.delete_post(post)
        assert told(alice) == []
        assert not Notification.objects.exists()

    def test_when_a_request_is_withdrawn(self, told, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        social.follow(alice.pk, by=carol.pk)
        assert told(alice) == [("follow_request", ["carol"])]
        social.unfollow(alice.pk, by=carol.pk)
        assert told(alice) == []

    def test_when_a_caption_mentions_no_more(self, told, alice, carol):
        post = content.create_post(author_id=alice.pk, media_ids=[make_media(alice).pk], caption="@carol")
        assert told(carol) == [("mention", ["alice"])]
        content.update_post(post, changes={"caption": "nobody"})
        assert told(carol) == []

    def test_p6_while_what_it_is_about_is_hidden(self, api, told, alice, bob, carol, post):
        comment = comments.comment(post.pk, by=carol.pk, text="@bob look")
        assert told(bob) == [("mention", ["carol"])]
        comments.take_down_comment(comment)
        assert told(bob) == []
        comments.restore_comment(comment)
        assert told(bob) == [("mention", ["carol"])]
        social.remove_follower(bob.pk, by=alice.pk)
        content.update_post(post, changes={"visibility": "followers"})
        assert told(bob) == []
        assert api(bob).get("/notifications/unread-count").json() == {"unread": 0}

    def test_of_a_post_that_is_taken_down(self, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(told(alice)) == 1
        content.take_down(post)
        assert told(alice) == []
        content.restore(post)
        assert len(told(alice)) == 1


class TestNeverOf:
    def test_p5_somebody_blocked_not_old_ones_either(self, api, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(told(alice)) == 1
        make_block(carol, alice)
        assert told(alice) == []
        assert api(alice).get("/notifications/unread-count").json() == {"unread": 0}

    def test_p5_a_block_forgets_for_good(self, api, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        engagement.like(make_post(carol).pk, by=alice.pk)
        assert (len(told(alice)), len(told(carol))) == (1, 1)
        api(alice).post("/users/@carol/block")
        api(alice).post("/users/@carol/unblock")
        assert (told(alice), told(carol)) == ([], [])

    def test_somebody_muted(self, told, alice, bob, carol, post):
        make_mute(alice, carol)
        for who in (carol, bob):
            engagement.like(post.pk, by=who.pk)
        assert told(alice) == [("like", ["bob"])]

    def test_somebody_suspended_until_they_stand_again(self, told, alice, carol, post):
        engagement.like(post.pk, by=carol.pk)
        assert len(told(alice)) == 1
        accounts.suspend(carol, reason="spam")
        assert told(alice) == []
        accounts.unsuspend(User.objects.get(pk=carol.pk))
        assert len(told(alice)) == 1

    def test_one_actor_hidden_leaves_the_others(self, api, deliver, alice, bob, carol, post):
        for who in (bob, carol):
            engagement.like(post.pk, by=who.pk)
        deliver()
        make_block(alice, carol)
        [row] = api(alice).get("/notifications").json()["results"]
        assert ([actor["handle"] for actor in row["actors"]], row["actor_count"]) == (["bob"], 1)


class TestReading:
    @pytest.fixture
    def three(self, api, deliver, alice, carol):
        for _ in range(3):
            engagement.like(make_post(alice).pk, by=carol.pk)
        deliver()
        return api(alice).get("/notifications").json()["results"]

    def test_one_twice_is_once(self, api, alice, three):
        first, second = (api(alice).post(f"/notifications/{three[0]['id']}/read").json() for _ in range(2))
        assert first == second
        assert first["read_at"] is not None
        assert api(alice).get("/notifications/unread-count").json() == {"unread": 2}

    def test_up_to_one_and_then_all(self, api, alice, three):
        assert api(alice).post("/notifications/read", {"up_to": three[1]["id"]}).json() == {"unread": 1}
        assert [r["id"] for r in api(alice).get("/notifications?unread=true").json()["results"]] == [three[0]["id"]]
        assert api(alice).post("/notifications/read").json() == {"unread": 0}

    def test_filters(self, api, alice, three):
        assert len(api(alice).get("/notifications?type=like").json()["results"]) == 3
        assert api(alice).get("/notifications?type=follow").json()["results"] == []
        for bad in ("type=x", "unread=maybe"):
            assert api(alice).get(f"/notifications?{bad}").status_code == 400

    def test_p7_anothers_is_not_found(self, api, carol, three):
        assert api(carol).post(f"/notifications/{three[0]['id']}/read").status_code == 404
        assert api(carol).post("/notifications/read", {"up_to": three[0]["id"]}).status_code == 404
        assert Notification.objects.unread().count() == 3


@pytest.mark.django_db(transaction=True)
def test_r2_ten_likes_at_once_fold_into_one():
    author = make_user()
    post = make_post(author)
    fans = iter([make_user() for _ in range(10)])

    def act():
        fan = next(fans)
        engagement.like(post.pk, by=fan.pk)
        for _ in range(2):
            telling.of_like(post.pk, fan.pk)

    in_threads(10, act)
    assert Notification.objects.get().acts.count() == 10


def test_erasing_leaves_nothing_told_to_or_of_a_person(api, deliver, told, alice, bob, carol, post):
    engagement.like(post.pk, by=carol.pk)
    engagement.like(post.pk, by=bob.pk)
    engagement.like(make_post(carol).pk, by=alice.pk)
    social.follow(alice.pk, by=carol.pk)
    api(carol).put("/notifications/preferences", {"like": {"in_app": True, "push": False, "email": True}})
    deliver()
    kinds = [kind for kind, _ in privacy.export(carol.pk)]
    assert kinds == ["notifications", "notification_preferences"]
    for _ in range(2):
        privacy.erase(carol.pk)
    assert told(alice) == [("like", ["bob"])]
    assert not Notification.objects.filter(recipient=carol).exists()
    assert not list(privacy.export(carol.pk))


def test_a_follower_by_request_sees_what_they_are_told_of(told, alice, carol):
    make_follow(carol, alice)
    accounts.update_profile(alice, changes={"is_private": True})
    content.create_post(author_id=alice.pk, media_ids=[make_media(alice).pk], caption="@carol")
    assert told(carol) == [("mention", ["alice"])]
