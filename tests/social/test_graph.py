import contextlib
import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import transaction
from django.db.models import F

from apps.accounts import services as accounts
from apps.accounts.models import User
from apps.core.db.ids import new_id
from apps.core.models import QueuedTask
from apps.social import services
from apps.social.models import Block, Follow, FollowRequest
from tests.conftest import Caller
from tests.counting import drift
from tests.factories import PASSWORD, BlockFactory, FollowFactory, MuteFactory, PostFactory, UserFactory
from tests.threads import in_crews, in_own_connection, in_threads, somebody_waits_for_a_lock
from tests.waiting import eventually

pytestmark = pytest.mark.django_db


def counts(user):
    user.refresh_from_db()
    return user.follower_count, user.following_count


@pytest.mark.promise("P5")
@pytest.mark.parametrize("by_viewer", [True, False])
def test_counts_of_a_profile_are_the_lengths_of_its_lists(api, alice, bob, carol, by_viewer):
    """Accounts that a block hides from the viewer, in either direction, are neither listed nor counted."""
    eve, viewer = UserFactory(handle="eve"), UserFactory(handle="viewer")
    for person in (eve, carol, viewer):
        FollowFactory(follower=person, followed=alice)
        FollowFactory(follower=alice, followed=person)
    for person in (eve, bob, *(UserFactory() for _ in range(3))):
        blocker, blocked = (viewer, person) if by_viewer else (person, viewer)
        BlockFactory(blocker=blocker, blocked=blocked)
    caller = api(viewer)
    lists = {name: len(caller.get(f"/users/@alice/{name}").json()["results"]) for name in ("followers", "following")}
    assert lists == {"followers": 2, "following": 2}
    shown = [
        caller.get("/users/@alice").json(),
        caller.get(f"/users?ids={alice.pk}").json()["results"][0],
        caller.get("/search/users?q=alice").json()["results"][0],
    ]
    for profile in shown:
        assert {name: profile["counts"][name] for name in lists} == lists
    others = [api(None).get("/users/@alice").json()["counts"], api(carol).get("/users/@alice").json()["counts"]]
    assert [(each["followers"], each["following"]) for each in others] == [(4, 3), (4, 3)]


class TestFollowing:
    def test_following_twice_creates_one_follow(self, api, alice, carol):
        first, again = (api(carol).post("/users/@alice/follow") for _ in range(2))
        assert first.content == again.content
        assert first.json() == {
            "user_id": str(alice.pk),
            "following": True,
            "requested": False,
            "followed_by": False,
            "blocking": False,
            "muting": False,
        }
        assert counts(alice) == (1, 0)
        assert counts(carol) == (0, 1)

    def test_a_call_that_changes_nothing_enqueues_no_task(self, alice, carol):
        counts_of_tasks = []
        for service in (services.unfollow, services.follow, services.follow, services.unfollow, services.unfollow):
            service(alice.pk, by=carol.pk)
            counts_of_tasks.append(QueuedTask.objects.filter(task_name__endswith="sync_follow_notification").count())
        assert counts_of_tasks == [0, 1, 1, 2, 2]

    @pytest.mark.parametrize(("verb", "code"), [("follow", "cannot_follow_self"), ("unfollow", "cannot_target_self")])
    def test_following_yourself_is_refused_by_any_identifier(self, api, alice, verb, code):
        for spelled in ("me", "@Alice", alice.pk):
            assert api(alice).post(f"/users/{spelled}/{verb}").json()["code"] == code

    @pytest.mark.parametrize("verb", ["follow", "unfollow"])
    def test_an_account_that_is_not_visible_is_not_found(self, api, alice, carol, mallory, mod, verb):
        """Unknown, misspelled, hidden by a block in either direction, suspended; by handle and by id."""
        accounts.suspend(mod, reason="x")
        pairs = [(alice, mallory), (mallory, alice), (carol, mod)]
        cases = [(carol, stranger) for stranger in (new_id(), "@nobody", "@nöbody", "nobody")]
        cases += [(one, spelled) for one, other in pairs for spelled in (f"@{other.handle}", other.pk)]
        for caller, spelled in cases:
            assert api(caller).post(f"/users/{spelled}/{verb}").status_code == 404
        assert not Follow.objects.filter(follower__in=[alice, carol, mallory]).exists()

    def test_unfollow_withdraws_a_follow_request(self, api, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        assert api(carol).post("/users/@alice/follow").json()["requested"] is True
        assert api(carol).post("/users/@alice/unfollow").json()["requested"] is False
        assert api(alice).post("/follow-requests/@carol/accept").status_code == 404

    @pytest.mark.parametrize(
        ("setting", "code"),
        [("FOLLOWER_LIMIT", "follower_limit_reached"), ("FOLLOWING_LIMIT", "following_limit_reached")],
    )
    def test_follow_above_a_limit_is_refused(self, api, alice, carol, settings, setting, code):
        setattr(settings, setting, 0)
        answer = api(carol).post("/users/@alice/follow")
        assert (answer.status_code, answer.json()["code"]) == (409, code)

    def test_a_full_private_account_gets_requests_and_cannot_accept_them(self, api, alice, carol, settings):
        accounts.update_profile(alice, changes={"is_private": True})
        settings.FOLLOWER_LIMIT = 0
        assert api(carol).post("/users/@alice/follow").json()["requested"] is True
        assert api(alice).post("/follow-requests/@carol/accept").json()["code"] == "follower_limit_reached"
        settings.FOLLOWING_LIMIT = 0
        assert api(alice).post("/follow-requests/@carol/accept").json()["code"] == "following_limit_reached"
        settings.FOLLOWER_LIMIT = settings.FOLLOWING_LIMIT = 1
        assert api(alice).post("/follow-requests/@carol/accept").json()["followed_by"] is True

    def test_remove_follower_keeps_a_follow_request(self, api, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        api(carol).post("/users/@alice/follow")
        assert api(alice).post("/users/@carol/remove-follower").json()["followed_by"] is False
        assert [row["user"]["handle"] for row in api(alice).get("/follow-requests").json()["results"]] == ["carol"]

    @pytest.mark.parametrize("handle", ["alice", "bob"])
    def test_each_action_returns_the_resulting_relationship(self, api, alice, bob, handle):
        """Each action twice. bob follows alice, alice does not follow bob."""
        caller, other = api(bob if handle == "alice" else alice), f"/users/@{handle}"
        for verb in ("follow", "mute", "remove-follower", "unmute", "mute", "unfollow", "follow", "block", "unblock"):
            for _ in range(2):
                answer = caller.post(f"{other}/{verb}").json()
                if verb != "block":
                    assert answer == caller.get(f"{other}/relationship").json()

    def test_follow_requests_are_listed_accepted_and_rejected(self, api, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        dave = UserFactory(handle="dave")
        for person in (carol, dave):
            api(person).post("/users/@alice/follow")
        listed = api(alice).get("/follow-requests").json()["results"]
        assert [row["user"]["handle"] for row in listed] == ["dave", "carol"]
        assert api(alice).post("/follow-requests/@dave/accept").json()["followed_by"] is True
        assert api(alice).post("/follow-requests/@carol/reject").json()["followed_by"] is False
        assert api(alice).get("/follow-requests").json()["results"] == []
        assert counts(alice) == (1, 0)

    @pytest.mark.promise("R3")
    def test_going_public_accepts_all_follow_requests(self, api, alice, carol):
        accounts.update_profile(alice, changes={"is_private": True})
        api(carol).post("/users/@alice/follow")
        api(alice).patch("/users/me", {"is_private": False})
        assert api(carol).get("/users/@alice/relationship").json()["following"] is True
        assert not FollowRequest.objects.exists()
        assert counts(alice) == (1, 0)


class TestBlocking:
    @pytest.mark.promise("P5")
    def test_a_block_ends_follows_and_hides_both_accounts(self, api, alice, bob):
        FollowFactory(follower=alice, followed=bob)
        PostFactory(author=alice)
        assert api(alice).post("/users/@bob/block").json()["blocking"] is True
        assert not Follow.objects.exists()
        assert counts(alice) == counts(bob) == (0, 0)
        for one, other in ((alice, "bob"), (bob, "alice")):
            assert api(one).get(f"/users/@{other}").status_code == 404
            assert api(one).get(f"/users/@{other}/posts").status_code == 404
        assert api(bob).get("/feed").json()["results"] == []

    def test_blocking_twice_lists_the_user_once(self, api, alice, bob):
        assert [api(alice).post("/users/@bob/block").status_code for _ in range(2)] == [200, 200]
        assert [row["user"]["handle"] for row in api(alice).get("/users/me/blocks").json()["results"]] == ["bob"]

    def test_unblock_restores_visibility_but_not_follows(self, api, alice, bob):
        api(alice).post("/users/@bob/block")
        assert api(bob).post("/users/@alice/unblock").status_code == 404
        assert api(alice).post("/users/@bob/unblock").json() == {
            "user_id": str(bob.pk),
            "following": False,
            "requested": False,
            "followed_by": False,
            "blocking": False,
            "muting": False,
        }
        assert api(bob).get("/users/@alice").status_code == 200

    @pytest.mark.promise("P5")
    def test_only_unblock_removes_a_block(self, api, alice, bob):
        api(alice).post("/users/@bob/block")
        for person in (alice, bob):
            accounts.suspend(person, reason="spam")
            accounts.unsuspend(User.objects.get(pk=person.pk))
            for is_private in (True, False):
                accounts.update_profile(User.objects.get(pk=person.pk), changes={"is_private": is_private})
            accounts.leave(User.objects.get(pk=person.pk), password=PASSWORD)
            Caller().post("/auth/token", {"login": person.handle, "password": PASSWORD})
        for verb in ("unfollow", "remove-follower", "unmute", "block"):
            api(alice).post(f"/users/@bob/{verb}")
        assert Block.objects.filter(blocker=alice, blocked=bob).count() == 1
        for one, other in ((alice, "bob"), (bob, "alice")):
            assert api(one).get(f"/users/@{other}").status_code == 404
            assert api(one).post(f"/users/@{other}/follow").status_code == 404

    @pytest.mark.promise("P5")
    def test_a_blocked_user_is_missing_from_lists_of_others(self, api, alice, carol, mallory):
        for person in (alice, mallory):
            FollowFactory(follower=person, followed=carol)
            FollowFactory(follower=carol, followed=person)
        assert [r["user"]["handle"] for r in api(alice).get("/users/@carol/followers").json()["results"]] == ["alice"]
        assert [r["user"]["handle"] for r in api(mallory).get("/users/@carol/following").json()["results"]] == [
            "mallory"
        ]
        ids = f"?ids={mallory.pk},{carol.pk}"
        assert [u["handle"] for u in api(alice).get(f"/users{ids}").json()["results"]] == ["carol"]
        assert [r["user_id"] for r in api(alice).get(f"/relationships{ids}").json()["results"]] == [str(carol.pk)]

    @pytest.mark.promise("P5")
    def test_a_blocked_user_is_not_suggested(self, api, alice, carol, mallory):
        FollowFactory(follower=alice, followed=carol)
        dave = UserFactory(handle="dave")
        for person in (mallory, dave):
            FollowFactory(follower=carol, followed=person)
        suggested = api(alice).get("/users/suggestions").json()["results"]
        assert [(row["handle"], row["followed_by_count"]) for row in suggested] == [("dave", 1)]
        shown = api(alice).get("/users/@dave").json()
        assert suggested == [{**shown, "followed_by_count": 1}]


class TestMuting:
    def test_a_muted_user_is_hidden_from_the_feed_only(self, api, alice, bob):
        post = PostFactory(author=alice)
        assert api(bob).post("/users/@alice/mute").json()["muting"] is True
        assert api(bob).get("/feed").json()["results"] == []
        assert api(bob).get(f"/posts/{post.pk}").status_code == 200
        assert [row["user"]["handle"] for row in api(bob).get("/users/me/mutes").json()["results"]] == ["alice"]
        assert api(bob).post("/users/@alice/unmute").json()["muting"] is False
        assert len(api(bob).get("/feed").json()["results"]) == 1


class TestA8BoundedBatches:
    @pytest.mark.promise("A8")
    @pytest.mark.parametrize(("path", "most"), [("/users", 50), ("/relationships", 100)])
    def test_too_many_ids_are_refused_before_any_query(self, api, alice, path, most, django_assert_num_queries):
        ids = ",".join([str(alice.pk)] * (most + 1))
        caller = api(alice)
        caller.get("/follow-requests")
        with django_assert_num_queries(0):
            answer = caller.get(f"{path}?ids={ids}")
        assert (answer.status_code, answer.json()["code"]) == (400, "too_many_ids")
        assert caller.get(f"{path}?ids=x,{alice.pk},\0").status_code == 200


class TestPrivateAccounts:
    def test_a_private_account_shows_its_profile_but_not_its_content(self, api, alice, bob, carol):
        accounts.update_profile(alice, changes={"is_private": True, "bio": "Hello"})
        seen = api(carol).get("/users/@alice").json()
        assert (seen["bio"], seen["counts"]["followers"], seen["is_private"]) == ("Hello", 1, True)
        for inside in ("posts", "followers", "following"):
            assert api(carol).get(f"/users/@alice/{inside}").status_code == 404
            assert api(bob).get(f"/users/@alice/{inside}").status_code == 200


@pytest.mark.django_db(transaction=True)
class TestR1R3Races:
    @pytest.mark.slow
    @pytest.mark.promise("R1")
    def test_concurrent_follows_and_unfollows_keep_counters_exact(self, db):
        alice = UserFactory(handle="alice")

        def act(crew, dice):
            for _ in range(100):
                verb = dice.choice([services.follow, services.unfollow])
                verb(alice.pk, by=dice.choice(crew).pk)

        in_crews(act)
        assert counts(alice) == (Follow.objects.filter(followed=alice).count(), 0)
        assert counts(alice)[0] > 0
        assert not drift()

    @pytest.mark.promise("R3")
    def test_concurrent_follow_and_block_leave_no_follow(self, db):
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")

        def act():
            verb, person, by = random.choice(
                [
                    (services.follow, alice, bob),
                    (services.follow, bob, alice),
                    (services.block, alice, bob),
                    (services.unblock, alice, bob),
                ]
            )
            with contextlib.suppress(services.NotFound):
                verb(person.pk, by=by.pk)

        for _ in range(5):
            in_threads(8, act)
            assert not (Block.objects.exists() and (Follow.objects.exists() or FollowRequest.objects.exists()))
        assert not drift()

    @pytest.mark.promise("R3")
    def test_a_follow_that_waited_for_a_block_is_refused(self, db):
        alice, bob = UserFactory(handle="alice"), UserFactory(handle="bob")
        with ThreadPoolExecutor() as pool:
            with transaction.atomic():
                services.block(bob.pk, by=alice.pk)
                follows = pool.submit(in_own_connection, services.follow, alice.pk, by=bob.pk)
                eventually(somebody_waits_for_a_lock, every=0.01)
            with pytest.raises(services.NotFound):
                follows.result()
        assert not Follow.objects.exists()

    @pytest.mark.promise("R3")
    def test_concurrent_follows_stop_at_the_follower_limit(self, db, settings):
        settings.FOLLOWER_LIMIT = 3
        alice = UserFactory(handle="alice")
        people = iter([UserFactory() for _ in range(12)])

        def follow():
            try:
                services.follow(alice.pk, by=next(people).pk)
            except services.FollowerLimitReached:
                return False
            return True

        assert in_threads(12, follow).count(True) == 3
        assert counts(alice) == (3, 0)

    @pytest.mark.promise("R3")
    def test_a_public_account_has_no_requests_after_concurrent_follows(self, db):
        alice = UserFactory(handle="alice", is_private=True)
        people = iter([UserFactory() for _ in range(10)])
        first = iter([True])

        def act():
            if next(first, False):
                accounts.update_profile(alice, changes={"is_private": False})
            else:
                services.follow(alice.pk, by=next(people).pk)

        in_threads(10, act)
        assert not FollowRequest.objects.exists()
        assert counts(alice) == (9, 0)
        assert not drift()

    @pytest.mark.promise("R3")
    def test_concurrent_accept_and_withdraw_leave_no_request(self, db):
        alice, bob = UserFactory(handle="alice", is_private=True), UserFactory(handle="bob")
        for _ in range(5):
            services.follow(alice.pk, by=bob.pk)
            turns = iter([services.accept_request, services.unfollow])

            def act(turns=turns):
                verb = next(turns)
                with contextlib.suppress(services.NotFound):
                    verb(
                        bob.pk if verb is services.accept_request else alice.pk,
                        by=alice.pk if verb is services.accept_request else bob.pk,
                    )

            in_threads(2, act)
            assert not FollowRequest.objects.exists()
            assert not drift()
            services.unfollow(alice.pk, by=bob.pk)


@pytest.mark.promise("R1")
def test_the_repair_corrects_a_wrong_counter(alice, bob):
    assert not drift()
    User.objects.filter(pk=alice.pk).update(follower_count=F("follower_count") + 7)
    from apps.core.tasks.housekeeping import repair_counters

    assert repair_counters() == 1
    assert counts(alice) == (1, 0)
    assert not drift()


@pytest.mark.promise("R1")
def test_unfollow_succeeds_with_a_wrong_counter(api, alice, bob):
    User.objects.update(follower_count=0, following_count=0)
    assert api(bob).post("/users/@alice/unfollow").status_code == 200
    assert counts(alice) == (0, 0)


def test_erasure_keeps_the_counters_of_other_accounts_exact(alice, bob, carol):
    from apps.social import privacy

    FollowFactory(follower=alice, followed=carol)
    BlockFactory(blocker=carol, blocked=bob)
    MuteFactory(muter=bob, muted=carol)
    privacy.erase(alice.pk)
    assert counts(bob) == counts(carol) == (0, 0)
    assert not Follow.objects.exists()


def test_a_path_accepts_an_id_a_handle_or_me(api, alice, carol):
    for spelled in ("@alice", "@ALICE", str(alice.pk)):
        assert api(carol).get(f"/users/{spelled}").json()["id"] == str(alice.pk)
    assert api(alice).get("/users/me").json()["id"] == str(alice.pk)
    assert Caller().get("/users/me").status_code == 401
    for spelled in ("alice", str(alice.pk).upper(), "@", "@al%00ice", "%F0%9F%90%87", "x" * 500):
        assert api(carol).get(f"/users/{spelled}").status_code == 404
