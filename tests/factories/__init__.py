"""Rows for tests, made as the services would leave them, without their work."""

import itertools
import secrets
from collections.abc import Iterable
from typing import Any, TypeVar

from django.db import connection
from django.db.models import F, Model
from django.db.models.expressions import DatabaseDefault

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.engagement.models import Comment
from apps.media.models import Media
from apps.social.models import Block, Follow, Mute

M = TypeVar("M", bound=Model)
_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


def make_user(handle: str = "", **fields: Any) -> User:
    handle = handle or f"person{next(_numbers)}"
    user = User(handle=handle, email=f"{handle}@example.org", display_name=handle.title(), **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def make_media(owner: User, *, status: str = "ready", **fields: Any) -> Media:
    """A medium whose objects exist on paper only."""
    ready: dict[str, Any] = {}
    if status == "ready":
        ready = {
            "width": 1200,
            "height": 800,
            "blurhash": "LEHV6nWB2yk8pyo0adR*.7kCMdnj",
            "dominant_color": "#6a7b8c",
            "private_secret": secrets.token_urlsafe(24),
            "variants": [
                {
                    "name": name,
                    "content_type": f"image/{kind}",
                    "width": side,
                    "height": side * 2 // 3,
                    "bytes": side * 50,
                }
                for name, side in (("thumb", 320), ("medium", 1080), ("large", 1200))
                for kind in ("webp", "jpeg")
            ],
        }
    return Media.objects.create(
        owner=owner,
        status=status,
        content_type="image/jpeg",
        bytes=1000,
        original_key=f"originals/{secrets.token_urlsafe(24)}",
        **(ready | fields),
    )


def make_post(author: User, *, photos: int = 1, status: str = "published", **fields: Any) -> Post:
    post = Post.objects.create(author=author, status=status, **fields)
    if status == "published" and not fields.get("taken_down_at"):
        User.objects.filter(pk=author.pk).update(post_count=F("post_count") + 1)
    for position in range(photos):
        medium = make_media(author, in_use=True)
        PostMedia.objects.create(post=post, medium=medium, position=position)
    return post


def make_comment(post: Post, author: User, text: str = "What light!", *, parent: Comment | None = None) -> Comment:
    Post.objects.filter(pk=post.pk).update(comment_count=F("comment_count") + 1)
    if parent:
        Comment.objects.filter(pk=parent.pk).update(reply_count=F("reply_count") + 1)
    return Comment.objects.create(post=post, author=author, text=text, parent=parent)


def make_follow(follower: User, followed: User) -> Follow:
    User.objects.filter(pk=follower.pk).update(following_count=F("following_count") + 1)
    User.objects.filter(pk=followed.pk).update(follower_count=F("follower_count") + 1)
    return Follow.objects.create(follower=follower, followed=followed)


def make_block(blocker: User, blocked: User) -> Block:
    return Block.objects.create(blocker=blocker, blocked=blocked)


def make_mute(muter: User, muted: User) -> Mute:
    return Mute.objects.create(muter=muter, muted=muted)


def many(rows: Iterable[M]) -> list[M]:
    """All of them by COPY: for thousands `bulk_create` takes twenty times as long, since it makes an expression of each
    value that the database gives by default. Those stay unknown here."""
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
