"""The rules that moderators set in the console. The moderation app records who changed a rule, and why."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.safety.fields import ImageHashField


class BlockedImage(UUIDModel):
    """An image that may not be published again, identified by its PDQ hash."""

    image_hash = ImageHashField(unique=True)
    # The category of the takedown after which the image was banned; reports about the image use it.
    category = models.CharField(max_length=30)
    reason = models.CharField(max_length=1000)
    # The photo that the hash was taken from. Not a foreign key: the photo may be deleted.
    medium_id = models.UUIDField()
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = "banned image"

    def __str__(self) -> str:
        return f"{self.image_hash[:12]}… ({self.category})"


class BlockedTerm(UUIDModel):
    """A word or a domain. Text that contains it is refused or reported."""

    class Kind(models.TextChoices):
        WORD = "word", "Word or phrase"
        DOMAIN = "domain", "Domain, with its subdomains"

    class Effect(models.TextChoices):
        FLAG = "flag", "Report text that contains it"
        REFUSE = "refuse", "Refuse text that contains it"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    # As it was typed, and in the form in which texts are compared.
    text = models.CharField(max_length=100)
    comparable = models.CharField(max_length=400)
    effect = models.CharField(max_length=10, choices=Effect.choices)
    reason = models.CharField(max_length=1000)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name, verbose_name_plural = "blocked word or domain", "blocked words and domains"
        constraints = [
            models.UniqueConstraint(fields=["kind", "comparable"], name="a_term_is_blocked_once"),
            models.CheckConstraint(condition=Q(kind__in=["word", "domain"]), name="term_kind_is_known"),
            models.CheckConstraint(condition=Q(effect__in=["flag", "refuse"]), name="term_effect_is_known"),
            models.CheckConstraint(condition=~Q(comparable=""), name="term_is_not_empty"),
        ]

    def __str__(self) -> str:
        return self.text


class NewAccountLimit(models.Model):
    """How often per day an account younger than `hours` may do something. There is one row per action."""

    class Action(models.TextChoices):
        POST = "post", "Posts"
        COMMENT = "comment", "Comments"
        FOLLOW = "follow", "Follows and follow requests"

    action = models.CharField(max_length=10, choices=Action.choices, primary_key=True)
    most = models.PositiveIntegerField("maximum")
    hours = models.PositiveIntegerField("period (hours)")
    enabled = models.BooleanField(default=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["post", "comment", "follow"]), name="limited_action_is_known"
            )
        ]

    def __str__(self) -> str:
        return self.get_action_display()
