"""`demo_data` on a small plan, with real uploads and the real pipeline."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import User
from apps.content.models import Post, Tag
from apps.core.db.counters import every_counter
from apps.core.db.ids import moment_of
from apps.engagement.models import Comment, Like
from apps.media import storage
from apps.media.models import Media
from apps.media.urls import private_key
from apps.moderation.models import Appeal, Flag, ModerationAction, TeamNote
from apps.social.models import Follow, FollowRequest
from demo import loader
from demo import plan as plans
from demo.plan import Plan, Size

pytestmark = pytest.mark.django_db
SMALL_SIZE = Size(people=14, posts=8, photos=15)


def tiny_plan(seed: int) -> Plan:
    """alice, bob, carol and marisol of the small plan with a post each, in small photos."""
    whole = plans.small(seed)
    handles = {"alice", "bob", "carol", "marisol"}
    numbers = [next(n for n, post in enumerate(whole.posts) if post.author == handle) for handle in sorted(handles)]
    numbers.sort()
    place = {number: position for position, number in enumerate(numbers)}
    comments = {r: replace(r, post=place[r.post]) for r in whole.comments if r.post in place and r.author in handles}
    return Plan(
        people=[person for person in whole.people if person.handle in handles],
        avatars={handle: replace(photo, longest=120) for handle, photo in whole.avatars.items() if handle in handles},
        follows=[follow for follow in whole.follows if {follow.follower, follow.followed} <= handles],
        posts=[
            replace(whole.posts[n], photos=tuple(replace(photo, longest=240) for photo in whole.posts[n].photos))
            for n in numbers
        ],
        likes=[(place[n], handle) for n, handle in whole.likes if n in place and handle in handles],
        comments=[replace(r, reply_to=comments.get(r.reply_to) if r.reply_to else None) for r in comments.values()],
    )


def untracked(things: Iterable[Any], **_: Any) -> Iterable[Any]:
    return things


@pytest.fixture
def _tiny_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    small = tiny_plan(seed=1)
    monkeypatch.setattr(plans, "small", lambda seed: small)
    for module in (plans, loader):
        monkeypatch.setattr(module, "CAST", small.people)
    monkeypatch.setattr(plans, "SHARED_LONGEST", 240)
    monkeypatch.setattr(plans, "AVATAR_LONGEST", 120)


def load(size: Size = plans.SIZES["small"]) -> None:
    loader.load(size, 1, track=untracked)


def everything() -> list[set[Any]]:
    models = (User, Follow, FollowRequest, Post, Media, Like, Comment)
    return [set(model._base_manager.values_list("pk", flat=True)) for model in models]


def drifted() -> dict[str, Any]:
    found = {c.label: c.drifted(list(c.shown_on._base_manager.values_list("pk", flat=True))) for c in every_counter()}
    return {label: wrong for label, wrong in found.items() if wrong}


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_cast_has_ready_photos_published_posts_and_correct_counters(api: Any) -> None:
    load()
    alice, bob, carol = (User.objects.get(handle=handle) for handle in ("alice", "bob", "carol"))
    assert all(person.check_password(loader.PASSWORD) and person.email_verified_at for person in (alice, bob, carol))
    assert set(Media.objects.values_list("status", flat=True)) == {"ready"}
    assert set(Post.objects.values_list("status", flat=True)) == {"published"}
    for medium in Media.objects.all():
        assert all(storage.head(private_key(medium, variant)) for variant in medium.variants)
    assert [str(request.requester) for request in FollowRequest.objects.filter(target=carol)] == ["@marisol"]
    assert drifted() == {}
    assert Like.objects.exists()
    for post in Post.objects.all():
        assert (post.like_count, post.comment_count) == (post.likes.count(), post.comments.count())
    handles = {post["author"]["handle"] for post in api(bob).get("/feed").json()["results"]}
    assert handles >= {"alice", "bob", "carol"}


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_reports_wait_for_moderators_and_past_ones_are_decided() -> None:
    load()
    load()
    mod, senior = (User.objects.get(handle=handle) for handle in loader.MODERATORS)
    assert (mod.is_moderator, senior.is_moderator) == (True, True)
    waiting, decided = Flag.objects.filter(status="open"), Flag.objects.exclude(status="open")
    assert waiting.filter(category="spam", target_type="comment").values("subject").distinct().count() == 1
    assert waiting.filter(target_type="post").exists()
    assert decided.count() == ModerationAction.objects.filter(case_id__in=decided.values("id")).count() > 50
    assert all(abs(moment_of(flag.pk) - flag.created_at) < timedelta(milliseconds=2) for flag in decided)
    appeals = Appeal.objects.order_by("id").values_list("status", "action__action", "action__actor")
    assert list(appeals) == [("open", "takedown", mod.pk), ("open", "dismiss_flag", mod.pk)]
    assert ModerationAction.objects.in_force().filter(action="warn").exists()
    assert (TeamNote.objects.count(), Tag.objects.filter(hidden=True).count()) == (1, 1)


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_second_run_creates_nothing_and_restores_nothing_deleted() -> None:
    load()
    Post.objects.filter(author__handle="alice").first().items.all().delete()  # type: ignore[union-attr]
    Post.objects.filter(author__handle="alice").delete()
    before = everything()
    load()
    assert everything() == before


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_interrupted_run_is_completed_by_the_next_run(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = loader._create_post
    published = []

    def interrupt_third_post(*args: Any) -> Post:
        if len(published) == 2:
            raise KeyboardInterrupt
        published.append(publish(*args))
        return published[-1]

    with monkeypatch.context() as patch:
        patch.setattr(loader, "_create_post", interrupt_third_post)
        with pytest.raises(KeyboardInterrupt):
            load()
    load()
    assert Post.objects.count() == 4
    assert {post.pk for post in published} <= set(Post.objects.values_list("pk", flat=True))
    assert User.objects.filter(handle=loader.ADMIN, is_superuser=True).exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_generated_people_share_photos_but_no_storage_objects() -> None:
    load(SMALL_SIZE)
    posts = Post.objects.exclude(author__handle__in=[person.handle for person in plans.CAST])
    assert posts.count() == SMALL_SIZE.posts
    assert len({medium.private_secret for medium in Media.objects.all()}) == Media.objects.count()
    for medium in Media.objects.filter(owner__in=posts.values("author")):
        assert storage.head(medium.original_key)
        assert all(storage.head(private_key(medium, variant)) for variant in medium.variants)
    assert drifted() == {}
    before = everything()
    load(SMALL_SIZE)
    assert everything() == before


@pytest.mark.slow
@pytest.mark.usefixtures("_tiny_plan")
def test_posts_have_increasing_past_times() -> None:
    load()
    ages = [post.created_at for post in Post.objects.order_by("id")]
    assert ages == sorted(ages)
    assert ages[-1] - ages[0] > timedelta(minutes=1)


def test_demo_data_refuses_to_run_in_production(settings: Any) -> None:
    settings.PRODUCTION = True
    with pytest.raises(CommandError, match="production"):
        call_command("demo_data")


def test_logins_option_prints_logins_and_creates_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("demo_data", logins=True)
    printed = capsys.readouterr().out
    assert loader.PASSWORD in printed
    assert all(handle in printed for handle in ("alice", "bob", "carol", "mod", "admin"))
    assert not User.objects.exists()
