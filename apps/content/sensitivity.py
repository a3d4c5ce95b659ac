"""Whether a post is sensitive: because its author, a moderator or one of its tags says so.

`Post.sensitive` is the result. While a moderator or a tag marks the post, `sensitive_by_author` keeps what the author
chose, so that it counts again afterwards.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from apps.content.models import Post, PostTag, Tag
from apps.content.querysets import PostQuerySet
from apps.core.db.batches import BatchRunner, walk
from apps.core.errors import Conflict


class MarkedSensitive(Conflict):
    code, title = "marked_sensitive", _("A moderator has marked this post as sensitive. You can appeal the decision.")


class SensitiveTag(Conflict):
    code, title = "sensitive_tag", _("Posts with one of these hashtags are always sensitive.")


def choose(post: Post, sensitive: bool | None, *, tags: Sequence[str] | None) -> None:
    """Set the fields of a locked post after its author has chosen a value or changed the tags. None: not changed.

    Raises MarkedSensitive or SensitiveTag if the author chooses that a marked post is not sensitive.
    """
    was_imposed = post.sensitive_by_author is not None
    tagged = was_imposed and not post.marked_sensitive if tags is None else _are_any_sensitive(tags)
    is_imposed = post.marked_sensitive or tagged
    if is_imposed and sensitive is False:
        raise MarkedSensitive if post.marked_sensitive else SensitiveTag
    chosen = (post.sensitive_by_author if was_imposed else post.sensitive) if sensitive is None else sensitive
    post.sensitive = bool(chosen) or is_imposed
    post.sensitive_by_author = chosen if is_imposed else None


def _are_any_sensitive(tags: Sequence[str]) -> bool:
    return bool(tags) and Tag.objects.filter(name__in=tags, sensitive=True).exists()


# ── After a decision about a post or a tag ───────────────────────────────────────────────────────────────
def _is_imposed() -> Q:
    """Condition on posts: a moderator or a tag marks the post as sensitive."""
    return Q(marked_sensitive=True) | Q(Exists(PostTag.objects.filter(post=OuterRef("pk"), tag__sensitive=True)))


def wrong(posts: PostQuerySet) -> PostQuerySet:
    """Those of `posts` whose fields do not agree with the marks of moderators and tags."""
    found: PostQuerySet = posts.filter(
        Q(_is_imposed(), sensitive_by_author=None) | Q(~_is_imposed(), sensitive_by_author__isnull=False)
    )
    return found


@transaction.atomic
def settle(post_ids: Iterable[UUID]) -> int:
    """Set the fields of these posts as moderators, tags and authors have marked them. Returns how many changed."""
    posts = Post.objects.filter(pk__in=list(post_ids))
    marked = posts.filter(_is_imposed(), sensitive_by_author=None)
    unmarked = posts.filter(~_is_imposed(), sensitive_by_author__isnull=False)
    changed = marked.update(sensitive_by_author=F("sensitive"), sensitive=True)
    return changed + unmarked.update(sensitive=F("sensitive_by_author"), sensitive_by_author=None)


def settle_tag(tag_id: UUID, runner: BatchRunner | None = None) -> int:
    """`settle` all posts with the tag, in batches. Returns how many changed."""
    posts = Post.objects.filter(post_tags__tag=tag_id)
    return sum(settle(pks) for pks in walk(posts, runner or BatchRunner()))
