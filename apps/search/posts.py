"""Posts by the words of their captions and by #tags: all that is asked for, newest first.

Words are compared without accents and case, by PostgreSQL's `simple` configuration: nothing is stemmed, since nobody
says in which language they write. Who sees what is decided by the posts' one rule when the answer is made.
"""

from uuid import UUID

from apps.content.captions import normalise_tag
from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.search.words import holds

_SIGNS = ("#", "﹟", "＃")


def found(query: str, *, viewer_id: UUID | None) -> PostQuerySet:
    """Posts that stand and that the viewer may see, which hold every word and every tag of the query."""
    return among(Post.objects.visible_to(viewer_id).published(), query)


def among(posts: PostQuerySet, query: str) -> PostQuerySet:
    """Those of `posts` that hold every word and every tag of the query."""
    terms = query.split()
    words = " ".join(term for term in terms if not term.startswith(_SIGNS))
    for term in terms:
        if term.startswith(_SIGNS):
            tag = normalise_tag(term[1:])  # what is no tag is on no post
            posts = posts.filter(pk__in=Post.objects.tagged(tag).values("pk")) if tag else posts.none()
    return posts.filter(holds("caption", words)) if words else posts
