"""factory-boy factories. Counters are moved by their own declarations, as the services do."""

import secrets
from collections.abc import Iterable
from typing import Any, TypeVar

import factory
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault
from django.utils import timezone

from apps.accounts.models import User
from apps.content.counters import POSTS
from apps.content.models import Post, PostMedia
from apps.core.db.counters import Counter
from apps.engagement.counters import COMMENTS, LIKES, REPLIES
from apps.engagement.models import Comment, Like
from apps.media.models import Media
from apps.social.counters import FOLLOWERS, FOLLOWING
from apps.social.models import Block, Follow, Mute

M = TypeVar("M", bound=Model)
PASSWORD = "correct horse battery staple"


def _increment(counter: Counter, pk: Any) -> None:
    with transaction.atomic():
        counter.increment(pk)


class UserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        private = factory.Trait(is_private=True)
        suspended = factory.Trait(state=User.State.SUSPENDED)
        moderator = factory.Trait(is_staff=True, role="moderator")

    handle = factory.Sequence(lambda number: f"person{number}")
    email = factory.LazyAttribute(lambda user: f"{user.handle}@example.org")
    display_name = factory.LazyAttribute(lambda user: user.handle.title())
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def role(user: User, create: bool, name: str | None, **_: Any) -> None:
        if create and name:
            user.groups.add(Group.objects.get(name=name))


class MediaFactory(factory.django.DjangoModelFactory):
    """A medium without objects in storage. It is ready unless `status` says otherwise."""

    class Meta:
        model = Media

    owner = factory.SubFactory(UserFactory)
    status = "ready"
    content_type = "image/jpeg"
    bytes = 1000
    original_key = factory.LazyFunction(lambda: f"originals/{secrets.token_urlsafe(24)}")

    class Params:
        rendered = factory.LazyAttribute(lambda medium: medium.status == "ready")

    width = factory.Maybe("rendered", 1200)
    height = factory.Maybe("rendered", 800)
    blurhash = factory.Maybe("rendered", "LEHV6nWB2yk8pyo0adR*.7kCMdnj", "")
    dominant_color = factory.Maybe("rendered", "#6a7b8c", "")
    private_secret = factory.Maybe("rendered", factory.LazyFunction(lambda: secrets.token_urlsafe(24)), "")
    variants = factory.Maybe(
        "rendered",
        factory.LazyFunction(
            lambda: [
                {"name": name, "content_type": f"image/{kind}", "width": side, "height": side, "bytes": side * 50}
                for name, side in (("thumb", 320), ("medium", 1080), ("large", 1200))
                for kind in ("webp", "jpeg")
            ]
        ),
        factory.LazyFunction(list),
    )


class PostFactory(factory.django.DjangoModelFactory):
    """A published post with `photos` photos."""

    class Meta:
        model = Post
        skip_postgeneration_save = True

    class Params:
        taken_down = factory.Trait(taken_down_at=factory.LazyFunction(timezone.now))
        followers_only = factory.Trait(visibility=Post.Visibility.FOLLOWERS)

    author = factory.SubFactory(UserFactory)
    status = Post.Status.PUBLISHED

    @factory.post_generation
    def photos(post: Post, create: bool, number: int | None, **_: Any) -> None:
        for position in range(1 if number is None else number):
            medium = MediaFactory(owner=post.author, in_use=True)
            PostMedia.objects.create(post=post, medium=medium, position=position)

    @factory.post_generation
    def _counted(post: Post, create: bool, extracted: None, **_: Any) -> None:
        if post.is_published:
            _increment(POSTS, post.author_id)


class CommentFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Comment
        skip_postgeneration_save = True

    post = factory.SubFactory(PostFactory)
    author = factory.SubFactory(UserFactory)
    text = "What light!"

    @factory.post_generation
    def _counted(comment: Comment, create: bool, extracted: None, **_: Any) -> None:
        _increment(COMMENTS, comment.post_id)
        if comment.parent_id:
            _increment(REPLIES, comment.parent_id)


class LikeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Like
        skip_postgeneration_save = True

    post = factory.SubFactory(PostFactory)
    user = factory.SubFactory(UserFactory)

    @factory.post_generation
    def _counted(like: Like, create: bool, extracted: None, **_: Any) -> None:
        _increment(LIKES, like.post_id)


class FollowFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Follow
        skip_postgeneration_save = True

    follower = factory.SubFactory(UserFactory)
    followed = factory.SubFactory(UserFactory)

    @factory.post_generation
    def _counted(follow: Follow, create: bool, extracted: None, **_: Any) -> None:
        _increment(FOLLOWING, follow.follower_id)
        _increment(FOLLOWERS, follow.followed_id)


class BlockFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Block

    blocker = factory.SubFactory(UserFactory)
    blocked = factory.SubFactory(UserFactory)


class MuteFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Mute

    muter = factory.SubFactory(UserFactory)
    muted = factory.SubFactory(UserFactory)


def many(rows: Iterable[M]) -> list[M]:
    """Insert rows with COPY: for thousands of rows `bulk_create` takes twenty times as long. Values that the database
    fills in stay unknown."""
    made = list(rows)
    meta = made[0]._meta
    own = [field for field in meta.concrete_fields if not field.generated]
    given = [field for field in own if not _comes_by_default(made[0], field.attname)]
    left_out = {field.attname for field in own} - {field.attname for field in given}
    assert all(_comes_by_default(row, name) for row in made for name in left_out)
    columns = ", ".join(f'"{field.column}"' for field in given)
    with (
        connection.cursor() as cursor,
        cursor.copy(f'COPY "{meta.db_table}" ({columns}) FROM STDIN') as copy,
    ):
        for row in made:
            copy.write_row([field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in given])
            row._state.adding, row._state.db = False, connection.alias
    return made


def _comes_by_default(row: Model, name: str) -> bool:
    """A number that is counted up by the database is None until then."""
    value = getattr(row, name)
    return isinstance(value, DatabaseDefault) or (value is None and name == row._meta.pk.attname)
