"""Whether a picture is one that was banned, or looks like one.

PDQ gives 256 bits that hardly change when a picture is resized or encoded anew. Two pictures whose hashes differ in at
most BLOCKED_IMAGE_DISTANCE bits are taken for the same one. Bits are counted in the database, over the whole table: it
is made by hand, and stays small.
"""

from uuid import UUID

from django.conf import settings

from apps.core.statements import select
from apps.safety.hashes import bits

_NEAREST = """
SELECT id FROM (
    SELECT id, bit_count(image_hash # %(hash)s::bit(256)) AS distance FROM safety_blockedimage
) AS compared
WHERE distance <= %(most)s ORDER BY distance, id LIMIT 1
"""


def blocked_as(image_hash: str | None) -> UUID | None:
    """The ban that a picture with this hash falls under; None also for a picture that has no hash."""
    if image_hash is None:
        return None
    for (pk,) in select(_NEAREST, hash=bits(image_hash), most=settings.BLOCKED_IMAGE_DISTANCE):
        return UUID(str(pk))
    return None


def refuses() -> bool:
    """Whether a banned picture is refused; otherwise it is published and flagged."""
    return bool(settings.BLOCKED_IMAGES == "refuse")
