"""The rules that staff make in the console. Each change of one is in moderation's trail, with who made it and why."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.safety.fields import ImageHashField


class BlockedImage(UUIDModel):
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


class BlockedTerm(UUIDModel):
    """A word or a domain that may not be written, or is reported where it is."""

    class Kind(models.TextChoices):
        WORD = "word", "Word or phrase"
        DOMAIN = "domain", "Domain, with its subdomains"

    class Effect(models.TextChoices):
        FLAG = "flag", "Report what contains it"
        REFUSE = "refuse", "Refuse to take it"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    # As it was typed, and as it is compared.
    text = models.CharField(max_length=100)
    comparable = models.CharField(max_length=400)
    effect = models.CharField(max_length=10, choices=Effect.choices)
    reason = models.CharField(max_length=1000)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "comparable"], name="a_term_is_blocked_once"),
            models.CheckConstraint(condition=Q(kind__in=["word", "domain"]), name="term_kind_is_known"),
            models.CheckConstraint(condition=Q(effect__in=["flag", "refuse"]), name="term_effect_is_known"),
            models.CheckConstraint(condition=~Q(comparable=""), name="term_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.text


class NewAccountLimit(models.Model):
    """How often a day an account that is younger than `hours` may do something. There is a row for each deed."""

    class Deed(models.TextChoices):
        POST = "post", "Posts"
        COMMENT = "comment", "Comments"
        FOLLOW = "follow", "Follows and requests to follow"

    deed = models.CharField(max_length=10, choices=Deed.choices, primary_key=True)
    most = models.PositiveIntegerField()
    hours = models.PositiveIntegerField()
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(deed__in=["post", "comment", "follow"]), name="limited_deed_is_known")
        ]

    def __str__(self) -> str:
        return self.get_deed_display()
