"""Whether a picture is one that was banned, or looks like one.

PDQ gives 256 bits that hardly change when a picture is resized or encoded anew. Two pictures whose hashes differ in at
most BLOCKED_IMAGE_DISTANCE bits are taken for the same one. Bits are counted in the database, over the whole table: it
is made by hand, and stays small.
"""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

from apps.core.db.statements import select
from apps.safety.hashes import bits

_NEAREST = """
SELECT id FROM (
    SELECT id, bit_count(image_hash # look::bit(256)) AS distance
    FROM safety_blockedimage, unnest(%(looks)s::text[]) AS look
) AS compared
WHERE distance <= %(most)s ORDER BY distance, id LIMIT 1
"""


def blocked_as(image_hashes: Iterable[str]) -> UUID | None:
    """The ban that a picture with these hashes (as it is, turned, mirrored) falls under; None also for one without."""
    looks = [bits(image_hash) for image_hash in image_hashes]
    if not looks:
        return None
    for (pk,) in select(_NEAREST, looks=looks, most=settings.BLOCKED_IMAGE_DISTANCE):
        return UUID(str(pk))
    return None


def refuses() -> bool:
    """Whether a banned picture is refused; otherwise it is published and flagged."""
    return bool(settings.BLOCKED_IMAGES == "refuse")
