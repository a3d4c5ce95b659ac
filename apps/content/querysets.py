"""Read rules of posts.

`PostQuerySet.visible_to` is the only rule for who may see a post. Each part of it is written once, here. SQL files get
these rules as compiled querysets.
"""

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.db.models import BooleanField, Case, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Value, When

from apps.accounts.querysets import is_in_reach
from apps.core.db.compiled import CompiledQuery
from apps.core.errors import NotFound
from apps.social.blocks import HidesBlocked
from apps.social.follows import is_followed

if TYPE_CHECKING:
    from apps.content.models import Post, Tag  # noqa: F401  (forward references)

# The state of the post itself. The index `shown_posts_by_author` has the same condition.
PUBLISHED = Q(status="published", taken_down_at__isnull=True)
ACTIVE_AUTHOR = Q(author__state="active")
PUBLIC = Q(visibility="public", author__is_private=False)
# Nobody but the author and moderators may see it any more.
WITHDRAWN = Q(taken_down_at__isnull=False) | ~ACTIVE_AUTHOR


class PostQuerySet(HidesBlocked):
    def published(self) -> "PostQuerySet":
        """Posts that are published, not taken down, and by an active account."""
        return self.filter(PUBLISHED & ACTIVE_AUTHOR)

    def public(self) -> "PostQuerySet":
        """Posts that everybody may see, also without signing in. Only their photos have permanent public URLs."""
        return self.published().filter(PUBLIC)

    def visible_to(self, viewer_id: UUID | None) -> "PostQuerySet":
        """Posts that the viewer may see; None is an anonymous viewer.

        Public posts of public accounts are visible to everybody, other published posts to the author's followers, and
        posts in any state to their author. A block hides posts in both directions.
        """
        if viewer_id is None:
            return self.public()
        theirs = PUBLISHED & ACTIVE_AUTHOR & (PUBLIC | Q(is_followed("author_id", viewer_id)))
        return self.filter(Q(author=viewer_id) | theirs).without_hidden(viewer_id)

    def in_reach(self) -> "PostQuerySet":
        """Posts that the site shows to users who have not asked for their author: in explore, search and lists of tags.
        Moderators can limit the reach of a post, or of all posts of an account, and its owner can turn off the setting
        `discoverable`. Profiles and feeds show them all."""
        return self.filter(is_in_reach("author__"), reach_limited=False)

    def readable_by(self, viewer_id: UUID | None, *, is_moderator: bool) -> "PostQuerySet":
        """Posts that the viewer may read by their id: a moderator may read any post, to judge it."""
        return self.all() if is_moderator else self.visible_to(viewer_id)

    def lock_visible(self, post_id: UUID, *, viewer_id: UUID) -> "Post":
        """Return the post, locked until the transaction ends. Raises NotFound if the viewer may not see it."""
        for post in _VISIBLE_LOCKED.instances(viewer=viewer_id, post=post_id):
            return post  # type: ignore[no-any-return]
        raise NotFound

    def with_is_public(self) -> "PostQuerySet":
        """`is_public`: whether the post is one of `public()`."""
        is_public = ExpressionWrapper(PUBLISHED & ACTIVE_AUTHOR & PUBLIC, output_field=BooleanField())
        annotated: PostQuerySet = self.annotate(is_public=is_public)
        return annotated

    def with_exposure(self) -> "PostQuerySet":
        """`exposure`: "open" for a public post, "withdrawn" for one that nobody but its author may see any more, or
        "other"."""
        annotated: PostQuerySet = self.annotate(
            exposure=Case(
                When(PUBLISHED & ACTIVE_AUTHOR & PUBLIC, then=Value("open")),
                When(WITHDRAWN, then=Value("withdrawn")),
                default=Value("other"),
            )
        )
        return annotated

    def page_of_ids(self, *, after: UUID | str | None, limit: int) -> list[UUID]:
        """The ids of the newest `limit` posts that are older than `after`."""
        posts = self.filter(pk__lt=after) if after else self
        return list(posts.order_by("-pk").values_list("pk", flat=True)[:limit])

    def written_by(self, user_id: UUID) -> "PostQuerySet":
        return self.filter(author=user_id)

    def tagged(self, tag: str, *, before: UUID | str | None = None) -> "PostQuerySet":
        """Posts with `tag`. For a page behind a cursor pass its post id as `before` as well: it bounds the index that
        holds a tag's posts in order.

        The tag is looked up at once, because only a plan for a given tag can know whether it is a common one.
        """
        return self.with_tags(list(_rows("Tag").filter(name=tag).values_list("pk", flat=True)), before=before)

    def with_tags(self, tag_ids: list[UUID], *, before: UUID | str | None = None) -> "PostQuerySet":
        """Posts with one of the tags, once for each that they have. `before`: see `tagged`."""
        wanted = Q(post_tags__tag__in=tag_ids)
        tagged: PostQuerySet = self.filter(wanted & Q(post_tags__post__lt=before) if before else wanted)
        return tagged


class TagQuerySet(QuerySet["Tag"]):
    def listed(self) -> "TagQuerySet":
        """Tags that moderators have not hidden from search."""
        return self.filter(hidden=False)

    def restricted(self) -> "TagQuerySet":
        """Tags that moderators have hidden or marked as sensitive."""
        return self.filter(Q(hidden=True) | Q(sensitive=True))


def has_hidden_tag() -> Exists:
    """Condition on posts: moderators have hidden a tag of the post from explore."""
    return Exists(_rows("PostTag").filter(post=OuterRef("pk"), tag__hidden=True))


# NO KEY: the lock waits for other writes to the post, but not for rows that are being inserted with a reference to it.
_VISIBLE_LOCKED = CompiledQuery(
    lambda viewer, post: _rows("Post").visible_to(viewer).filter(pk=post).select_for_update(no_key=True, of=("self",))
)


def _rows(model: str) -> Any:
    """The rows of a model of this app, which imports this file."""
    rows: QuerySet[Any] = apps.get_model("content", model)._default_manager.all()
    return rows
