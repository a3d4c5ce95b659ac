"""Tags by prefix, with the number of posts that the viewer may see there.

The number is counted when the answer is made, since what is hidden from somebody must not be counted for them; a tag
under which there is nothing for them to see is not shown at all. It is counted up to COUNTED, so that its cost is
bounded.
"""

from typing import Any
from uuid import UUID

from django.db.models import Exists, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Collate

from apps.content.models import Post, Tag

COUNTED = 1000


class _Counted(Subquery):
    template = "(SELECT count(*) FROM (%(subquery)s) AS counted)"
    output_field = IntegerField()


def found(prefix: str, *, viewer_id: UUID | None) -> QuerySet[Any]:
    """Rows of `plain` (the name, in the order of its code points) and `posts`."""
    posts = Post.objects.visible_to(viewer_id).published().filter(post_tags__tag=OuterRef("pk"))
    wanted = prefix.lstrip("#﹟＃").lower()
    tags = Tag.objects.annotate(plain=Collate("name", "C")).filter(plain__startswith=wanted)
    counted = tags.filter(Exists(posts)).annotate(posts=_Counted(posts.order_by().values("pk")[:COUNTED]))
    return counted.values("plain", "posts")
