"""The tags of a post: rows that repeat the tags of its caption."""

from uuid import UUID

from apps.content.models import Post, PostTag, Tag


def replace_tags(post: Post, names: list[str]) -> None:
    """Give the post the tags `names`, in this order. Call it in the transaction that writes the caption, with the post
    locked or new."""
    PostTag.objects.filter(post=post).delete()
    ids = _tag_ids(names)
    if len(ids) < len(names):
        _create_missing(names)
        ids = _tag_ids(names)
    PostTag.objects.bulk_create(
        PostTag(post=post, tag_id=ids[name], position=position) for position, name in enumerate(names)
    )


def _tag_ids(names: list[str]) -> dict[str, UUID]:
    return dict(Tag.objects.filter(name__in=names).values_list("name", "pk"))


def _create_missing(names: list[str]) -> None:
    """In the order of the names, so that two transactions that create the same tags cannot deadlock. If another
    transaction is creating a tag, this waits for it."""
    Tag.objects.bulk_create([Tag(name=name) for name in sorted(names)], ignore_conflicts=True)
