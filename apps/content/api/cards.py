"""Posts as the API shows them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from apps.accounts.api.cards import mini
from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.api.cards import post_counts
from apps.engagement.querysets import Marks, marks
from apps.media.api.cards import media_card
from apps.social.blocks import between

Card = dict[str, Any]


def post_cards(posts: Sequence[Post], viewer_id: UUID | None) -> list[Card]:
    """Cards of posts fetched with `for_cards()`, in two more queries however many they are."""
    marked = marks(viewer_id, [post.pk for post in posts])
    mentionable = _mentionable(posts, viewer_id)
    return [_card(post, viewer_id, marked, mentionable) for post in posts]


def post_card(post: Post, viewer_id: UUID | None) -> Card:
    return post_cards([post], viewer_id)[0]


def _mentionable(posts: Sequence[Post], viewer_id: UUID | None) -> set[UUID]:
    """Who of the mentioned may be shown to the viewer: people in good standing, without a block either way."""
    mentioned = {mention.user_id for post in posts for mention in post.mentions.all()}
    if not mentioned:
        return set()
    people = User.objects.standing().filter(pk__in=mentioned)
    return set((people.exclude(between("id", viewer_id)) if viewer_id else people).values_list("pk", flat=True))


def _card(post: Post, viewer_id: UUID | None, marked: dict[UUID, Marks], mentionable: set[UUID]) -> Card:
    mark = marked.get(post.pk, Marks())
    return {
        "id": post.pk,
        "author": mini(post.author),
        "caption": post.caption,
        "media": [media_card(item.medium, public=post.is_open) for item in post.items.all()],
        "visibility": post.visibility,
        "status": "taken_down" if post.taken_down_at else post.status,
        "sensitive": post.sensitive,
        "comments_enabled": post.comments_enabled,
        "tags": [post_tag.tag.name for post_tag in post.post_tags.all()],
        "mentions": [
            mini(mention.user) | {"offset": mention.offset, "length": mention.length}
            for mention in post.mentions.all()
            if mention.user_id in mentionable
        ],
        "counts": post_counts(post, mark),
        "viewer": {"liked": mark.liked, "saved": mark.saved} if viewer_id else None,
        "created_at": post.created_at,
        "edited_at": post.edited_at,
    }
