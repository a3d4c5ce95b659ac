"""The tags of a post: rows that say what its caption says."""

from apps.content import captions
from apps.content.models import Post, PostTag, Tag


def note_tags(post: Post) -> None:
    """Of a post that has none yet. Call it in the transaction that writes the caption."""
    names = captions.tags_in(post.caption)
    Tag.objects.bulk_create([Tag(name=name) for name in sorted(names)], ignore_conflicts=True)
    ids = dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))
    PostTag.objects.bulk_create(
        PostTag(post=post, tag_id=ids[name], position=place) for place, name in enumerate(names)
    )


def note_tags_anew(post: Post) -> None:
    """As `note_tags`, with the post's row locked."""
    PostTag.objects.filter(post=post).delete()
    note_tags(post)
