"""Photos and tags of posts that this process has read before.

They are the larger half of what PostgreSQL has to do for a page of posts, and they hardly ever change. So it is told of
which posts they are known, and answers for these only with what they depend on: the caption, and the versions of the
photos' rows. A row is written anew whenever it changes; which transaction wrote a version of it, and where, is what
tells that version from all others (PostgreSQL's manual, 5.6 "System Columns"). What was read in a transaction that is
rolled back is remembered in vain, for no row will ever have that version.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from apps.core.db.ids import PackedId

# Posts. Some 2 KB for one with one photo.
LIMIT = 8192
VERSIONS = """ARRAY(SELECT uuid_send(medium.id) || xidsend(medium.xmin) || tidsend(medium.ctid)
        FROM content_postmedia AS item JOIN media_media AS medium ON medium.id = item.medium_id
        WHERE item.post_id = post.id ORDER BY item.position)"""


class Lasting(NamedTuple):
    """What is remembered of a post, `photos` and `tags`, and what they depend on."""

    caption: str
    versions: tuple[bytes, ...]
    photos: str | None
    tags: tuple[str, ...]

    def is_of(self, caption: str, versions: Sequence[bytes]) -> bool:
        return self.versions == tuple(versions) and self.caption == caption


_posts: dict[PackedId, Lasting] = {}
_adding = threading.Lock()


def of(ids: Iterable[PackedId]) -> dict[PackedId, Lasting]:
    return {pk: lasting for pk in ids if (lasting := _posts.get(pk))}


def add(pk: PackedId, lasting: Lasting) -> Lasting:
    """Instead of what has been remembered for longest, if it becomes too much."""
    with _adding:
        _posts[pk] = lasting
        if len(_posts) > LIMIT:
            del _posts[next(iter(_posts))]
    return lasting


def forget(ids: Iterable[PackedId]) -> None:
    with _adding:
        for pk in ids:
            _posts.pop(pk, None)
