"""The rules that staff make in the console. Each change of one is in moderation's trail, with who made it and why."""

from django.db import models
from django.db.models.functions import Now

from apps.core.models import Row
from apps.safety.fields import ImageHashField


class BlockedImage(Row):
    """A picture that may not be published again, by its PDQ hash: also resized, or encoded anew."""

    image_hash = ImageHashField(unique=True)
    # Of the takedown after which it was banned: what a flag for it says.
    category = models.CharField(max_length=30)
    reason = models.CharField(max_length=1000)
    # The photo that it was taken from; a plain id, since that photo may go.
    medium_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.image_hash[:12]}… ({self.category})"
