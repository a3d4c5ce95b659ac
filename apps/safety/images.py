"""Finds banned images, also resized or encoded anew.

PDQ gives 256 bits that hardly change when an image is resized or encoded anew. Two images whose hashes differ in at
most BLOCKED_IMAGE_DISTANCE bits count as the same image. PostgreSQL compares each hash with the whole table, which
moderators fill by hand and which stays small.
"""

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings

from apps.core.db.queries import fetch_rows, load
from apps.safety.hashes import bits


def blocked_as(image_hashes: Iterable[str]) -> UUID | None:
    """The id of the BlockedImage that the image with these hashes (original, rotated, mirrored) matches, or None."""
    hashes = [bits(image_hash) for image_hash in image_hashes]
    if not hashes:
        return None
    parameters = {"hashes": hashes, "max_distance": settings.BLOCKED_IMAGE_DISTANCE}
    for (pk,) in fetch_rows(load("safety/nearest_blocked_image"), parameters):
        return UUID(str(pk))
    return None


def refuses() -> bool:
    """Whether a banned image is refused; otherwise it is published and reported."""
    return bool(settings.BLOCKED_IMAGES == "refuse")
