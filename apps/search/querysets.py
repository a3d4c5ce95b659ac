"""Search for posts by the words of their captions and by #tags, and for tags by prefix."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Func, IntegerField, OuterRef, QuerySet
from django.db.models.functions import Collate

from apps.content.captions import normalise_tag
from apps.content.models import Post, Tag
from apps.content.querysets import PostQuerySet
from apps.search.words import contains_words

_SIGNS = ("#", "﹟", "＃")
# Posts of a tag are counted up to this number, so that the cost is bounded.
COUNTED = 1000


def find_posts(query: str, *, viewer_id: UUID | None) -> PostQuerySet:
    """Published posts that the viewer may see and that have every word and every tag of the query."""
    return filter_posts(Post.objects.visible_to(viewer_id).published(), query)


def filter_posts(posts: PostQuerySet, query: str) -> PostQuerySet:
    """Those of `posts` that have every word and every tag of the query."""
    terms = query.split()
    words = " ".join(term for term in terms if not term.startswith(_SIGNS))
    for term in terms:
        if term.startswith(_SIGNS):
            tag = normalise_tag(term[1:])
            posts = posts.filter(pk__in=Post.objects.tagged(tag).values("pk")) if tag else posts.none()
    return posts.filter(contains_words("caption", words)) if words else posts


def find_tags(prefix: str, *, viewer_id: UUID | None) -> QuerySet[Any]:
    """Tags with the prefix, as rows of `plain`, the name in the order of its code points, and `posts`.

    `posts` is the number of posts that the viewer may see. It is counted for each request, because hidden posts must
    not be counted. A tag without visible posts is left out.
    """
    posts = Post.objects.visible_to(viewer_id).published().filter(post_tags__tag=OuterRef("pk"))
    wanted = prefix.lstrip("".join(_SIGNS)).lower()
    tags = Tag.objects.annotate(plain=Collate("name", "C")).filter(plain__startswith=wanted)
    counted = ArraySubquery(posts.order_by().values("pk")[:COUNTED])
    found = tags.filter(Exists(posts)).annotate(
        posts=Func(counted, function="cardinality", output_field=IntegerField())
    )
    return found.values("plain", "posts")


def page_of_tags(tags: QuerySet[Any], *, after: str | None, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` rows of `find_tags` in alphabetical order, after the tag `after`."""
    rows = tags.filter(plain__gt=after) if after is not None else tags
    return list(rows.order_by("plain")[:limit])
