"""The demo world, made small enough for a test: real uploads, the real pipeline, the verbs of every context."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.counters import every_counter
from apps.core.db.ids import moment_of
from apps.engagement.models import Comment, Like
from apps.media import storage
from apps.media.models import Media
from apps.media.urls import private_key
from apps.moderation.models import Appeal, Flag, ModerationAction
from apps.social.models import Follow, FollowRequest
from demo import plan as plans
from demo import world
from demo.plan import Plan, Size

pytestmark = pytest.mark.django_db
SIZE = Size(townspeople=14, posts=8, shared_photographs=15)


def hamlet(seed: int) -> Plan:
    """alice, bob, carol and marisol with a post each, of the small world, in small photographs."""
    whole = plans.small(seed)
    handles = {"alice", "bob", "carol", "marisol"}
    numbers = [next(n for n, post in enumerate(whole.posts) if post.author == handle) for handle in sorted(handles)]
    numbers.sort()
    place = {number: position for position, number in enumerate(numbers)}
    remarks = {r: replace(r, post=place[r.post]) for r in whole.remarks if r.post in place and r.author in handles}
    return Plan(
        people=[person for person in whole.people if person.handle in handles],
        avatars={handle: replace(shot, longest=120) for handle, shot in whole.avatars.items() if handle in handles},
        ties=[tie for tie in whole.ties if {tie.follower, tie.followed} <= handles],
        posts=[
            replace(whole.posts[n], shots=tuple(replace(shot, longest=240) for shot in whole.posts[n].shots))
            for n in numbers
        ],
        likes=[(place[n], handle) for n, handle in whole.likes if n in place and handle in handles],
        remarks=[replace(r, reply_to=remarks.get(r.reply_to) if r.reply_to else None) for r in remarks.values()],
    )


def uncounted(things: Iterable[Any], **_: Any) -> Iterable[Any]:
    return things


@pytest.fixture
def _small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    small = hamlet(seed=1)
    monkeypatch.setattr(plans, "small", lambda seed: small)
    for module in (plans, world):
        monkeypatch.setattr(module, "CAST", small.people)
    monkeypatch.setattr(plans, "SHARED_LONGEST", 240)
    monkeypatch.setattr(plans, "AVATAR_LONGEST", 120)


def build(size: Size = plans.SIZES["small"]) -> None:
    world.build(size, 1, track=uncounted)


def everything() -> list[set[Any]]:
    models = (User, Follow, FollowRequest, Post, Media, Like, Comment)
    return [set(model._base_manager.values_list("pk", flat=True)) for model in models]


def drifted() -> dict[str, Any]:
    found = {c.label: c.drifted(list(c.shown_on._base_manager.values_list("pk", flat=True))) for c in every_counter()}
    return {label: wrong for label, wrong in found.items() if wrong}


@pytest.mark.usefixtures("_small_world")
def test_the_cast_lives_in_a_world_that_its_verbs_made(api: Any) -> None:
    build()
    alice, bob, carol = (User.objects.get(handle=handle) for handle in ("alice", "bob", "carol"))
    assert all(person.check_password(world.PASSWORD) and person.email_verified_at for person in (alice, bob, carol))
    assert set(Media.objects.values_list("status", flat=True)) == {"ready"}
    assert set(Post.objects.values_list("status", flat=True)) == {"published"}
    # Every photograph is there in all its variants, in a storage that answers for them.
    for medium in Media.objects.all():
        assert all(storage.head(private_key(medium, variant)) for variant in medium.variants)
    assert [str(request.requester) for request in FollowRequest.objects.filter(target=carol)] == ["@marisol"]
    assert drifted() == {}
    assert Like.objects.exists()
    for post in Post.objects.all():
        assert (post.like_count, post.comment_count) == (post.likes.count(), post.comments.count())
    handles = {post["author"]["handle"] for post in api(bob).get("/feed").json()["results"]}
    assert handles >= {"alice", "bob", "carol"}


@pytest.mark.usefixtures("_small_world")
def test_moderators_find_work_and_a_month_behind_them() -> None:
    build()
    build()
    mod, senior = (User.objects.get(handle=handle) for handle in world.MODERATORS)
    assert (mod.is_moderator, senior.is_moderator) == (True, True)
    waiting, decided = Flag.objects.filter(status="open"), Flag.objects.exclude(status="open")
    assert waiting.filter(category="spam", target_type="comment").values("subject").distinct().count() == 1
    assert waiting.filter(target_type="post").exists()
    assert decided.count() == ModerationAction.objects.filter(case_id__in=decided.values("id")).count() > 50
    assert all(abs(moment_of(flag.pk) - flag.created_at) < timedelta(milliseconds=2) for flag in decided)
    appeal = Appeal.objects.get()
    assert (appeal.status, appeal.action.action, appeal.action.actor) == ("open", "takedown", mod)


@pytest.mark.usefixtures("_small_world")
def test_a_second_run_does_nothing_and_what_was_deleted_stays_deleted() -> None:
    build()
    Post.objects.filter(author__handle="alice").first().items.all().delete()  # type: ignore[union-attr]
    Post.objects.filter(author__handle="alice").delete()
    before = everything()
    build()
    assert everything() == before


@pytest.mark.usefixtures("_small_world")
def test_a_run_that_was_cut_short_is_completed_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = world._publish
    published = []

    def power_cut(*args: Any) -> Post:
        if len(published) == 2:
            raise KeyboardInterrupt
        published.append(publish(*args))
        return published[-1]

    with monkeypatch.context() as patch:
        patch.setattr(world, "_publish", power_cut)
        with pytest.raises(KeyboardInterrupt):
            build()
    build()
    assert Post.objects.count() == 4
    assert {post.pk for post in published} <= set(Post.objects.values_list("pk", flat=True))
    assert User.objects.filter(handle=world.ADMIN, is_superuser=True).exists()


@pytest.mark.usefixtures("_small_world")
def test_the_town_shares_photographs_but_no_objects() -> None:
    build(SIZE)
    posts = Post.objects.exclude(author__handle__in=[person.handle for person in plans.CAST])
    assert posts.count() == SIZE.posts
    assert len({medium.private_secret for medium in Media.objects.all()}) == Media.objects.count()
    for medium in Media.objects.filter(owner__in=posts.values("author")):
        assert storage.head(medium.original_key)
        assert all(storage.head(private_key(medium, variant)) for variant in medium.variants)
    assert drifted() == {}
    before = everything()
    build(SIZE)
    assert everything() == before


@pytest.mark.usefixtures("_small_world")
def test_posts_are_as_old_as_planned_and_in_that_order() -> None:
    build()
    ages = [post.created_at for post in Post.objects.order_by("id")]
    assert ages == sorted(ages)
    assert ages[-1] - ages[0] > timedelta(minutes=1)


def test_production_is_refused(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        call_command("demo_data")


def test_the_logins_are_printed_without_touching_anything(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo_data", logins=True)
    printed = capsys.readouterr().out
    assert world.PASSWORD in printed
    assert all(handle in printed for handle in ("alice", "bob", "carol", "mod", "admin"))
    assert not User.objects.exists()
