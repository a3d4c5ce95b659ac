"""Search for posts by the words of their captions and by #tags, and for tags by prefix."""

from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, Func, IntegerField, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, Collate

from apps.content.captions import SIGNS, normalise_tag
from apps.content.models import Post, Tag
from apps.content.querysets import PostQuerySet, TagQuerySet
from apps.core.words import searchable, words_to_find
from apps.search.words import has_words

# Posts of a tag are counted up to this number, so that the cost is bounded.
COUNTED = 1000
# Like the expression of the index tags_by_searchable_name. `repair_search` fills the column of older tags.
_SEARCHED = Collate(Coalesce("searchable_name", "name"), "C")


def find_posts(query: str, *, viewer_id: UUID | None) -> PostQuerySet:
    """Published posts in reach that the viewer may see and that have every word and every tag of the query. Hidden tags
    find nothing."""
    posts = Post.objects.visible_to(viewer_id).published().in_reach()
    return filter_posts(posts, query, tags_among=Tag.objects.listed())


def filter_posts(posts: PostQuerySet, query: str, *, tags_among: TagQuerySet | None = None) -> PostQuerySet:
    """Those of `posts` that have every word and every tag of the query. A sign without a tag is ignored.

    `tags_among`: the tags that may be searched for; None for all.
    """
    terms = query.split()
    tags = {term: tag for term in terms if term.startswith(SIGNS) and (tag := normalise_tag(term[1:]))}
    for tag in tags.values():
        found = _tags_like(tag, Tag.objects.all() if tags_among is None else tags_among)
        posts = posts.filter(pk__in=Post.objects.with_tags(found).values("pk"))
    words = " ".join(term for term in terms if term not in tags)
    return posts.filter(has_words("caption", words)) if words_to_find(words) or not tags else posts


def _tags_like(tag: str, among: TagQuerySet) -> list[UUID]:
    """The tags that differ from `tag` at most in accents and case."""
    like = Q(name=tag) | Q(searched=searchable(tag))
    return list(among.annotate(searched=_SEARCHED).filter(like).values_list("pk", flat=True))


def find_tags(prefix: str, *, viewer_id: UUID | None) -> QuerySet[Any]:
    """Tags with the prefix, without regard to accents and case, as rows of `plain`, the name in the order of its code
    points, `searched`, the text by which the list is sorted first, and `posts`.

    `posts` is the number of posts in reach that the viewer may see. It is counted for each request, because hidden
    posts must not be counted. A tag without such posts, and one that moderators have hidden, is left out.
    """
    posts = Post.objects.visible_to(viewer_id).published().in_reach().filter(post_tags__tag=OuterRef("pk"))
    wanted = searchable(prefix.lstrip("".join(SIGNS)))
    tags = (
        Tag.objects.listed()
        .annotate(plain=Collate("name", "C"), searched=_SEARCHED)
        .filter(searched__startswith=wanted)
    )
    counted = ArraySubquery(posts.order_by().values("pk")[:COUNTED])
    found = tags.filter(Exists(posts)).annotate(
        posts=Func(counted, function="cardinality", output_field=IntegerField())
    )
    return found.values("plain", "searched", "posts")


def page_of_tags(tags: QuerySet[Any], *, after: tuple[str, str] | str | None, limit: int) -> list[dict[str, Any]]:
    """Up to `limit` rows of `find_tags` in alphabetical order. `after`: `searched` and `plain` of the tag before."""
    if after is not None:
        # A cursor of the previous release has the name alone.
        searched, plain = (searchable(after), after) if isinstance(after, str) else after
        tags = tags.filter(Q(searched__gt=searched) | Q(plain__gt=plain), searched__gte=searched)
    return list(tags.order_by("searched", "plain")[:limit])
