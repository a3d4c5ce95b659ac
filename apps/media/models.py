"""Uploaded photos, and objects in storage that are to be deleted."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob
from apps.media.fields import VariantsField
from apps.media.querysets import MediaQuerySet
from apps.safety.fields import ImageHashField


class Media(UUIDModel, LeasedJob):
    """A photo, from the start of its upload to its variants.

    Originals and variants are in the private bucket. `public_secret` is set while the public bucket has copies of the
    variants. Both secrets are part of the keys; they cannot be guessed and are unrelated to the id. A row names objects
    in storage, so deleting the owner does not cascade to it: `objects.delete_media` schedules their deletion first.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        UPLOADED = "uploaded"
        PROCESSING = "processing"
        READY = "ready"
        FAILED = "failed"

    class Purpose(models.TextChoices):
        POST = "post"
        AVATAR = "avatar"

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="media")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.POST)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    alt_text = models.CharField(max_length=1500, blank=True)

    # Declared by the client and enforced by the signature of the upload URL.
    content_type = models.CharField(max_length=50)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)

    # Where the client may PUT. After `complete` the key of the checked copy, which only the server can write.
    original_key = models.CharField(max_length=200, unique=True)
    original_etag = models.CharField(max_length=100, blank=True)

    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    blurhash = models.CharField(max_length=60, blank=True)
    dominant_color = models.CharField(max_length=7, blank=True)
    # Perceptual hash (PDQ). Null: not processed since hashes are stored, or too plain to be compared.
    image_hash = ImageHashField(null=True, editable=False)
    # The blocked image that it matches, if such photos are flagged instead of refused. A plain id: blocks are lifted.
    blocked_as = models.UUIDField(null=True, editable=False)
    # [{name, content_type, width, height, bytes}]; keys and URLs are derived from the secrets.
    variants = VariantsField(default=list)
    private_secret = models.CharField(max_length=64, blank=True)
    public_secret = models.CharField(max_length=64, blank=True)
    # Whether the public bucket should have copies. Checked again by the copying task, since hiding may overtake it.
    wanted_public = models.BooleanField(default=False)
    # URLs signed until now must stop working: the private variants are to be moved to new keys.
    urls_revoked = models.BooleanField(default=False)

    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    # When the sweep enqueues the next attempt: the pipeline, public copies or new keys. Null: nothing to do.
    next_attempt_at = models.DateTimeField(null=True, db_column="ring_at")

    # Whether a post or an avatar uses the medium; one that is in use is not deleted.
    in_use = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    # When it was last given to the pipeline.
    uploaded_at = models.DateTimeField(null=True)

    objects = MediaQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "media"
        indexes = [
            models.Index(fields=["owner", "-id"], name="media_by_owner"),
            models.Index(fields=["owner"], condition=Q(in_use=False), name="media_unused_by_owner"),
            models.Index(fields=["created_at"], condition=Q(status="pending"), name="media_pending"),
            models.Index(
                fields=["next_attempt_at"], condition=Q(next_attempt_at__isnull=False), name="media_to_ring_for"
            ),
            # For user summaries: the secrets of an avatar without reading the row.
            models.Index(
                fields=["id"],
                include=["private_secret", "public_secret"],
                condition=Q(purpose="avatar"),
                name="avatars",
            ),
            # The console's filters.
            models.Index(fields=["status", "-id"], condition=~Q(status="ready"), name="media_not_ready"),
            models.Index(fields=["-id"], condition=~Q(error_code=""), name="media_with_an_error"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(bytes__gt=0), name="media_has_bytes"),
            models.CheckConstraint(
                condition=~Q(status="ready") | (Q(width__gt=0, height__gt=0) & ~Q(private_secret="")),
                name="ready_media_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(public_secret="") | ~Q(public_secret=F("private_secret")), name="secrets_differ"
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class ProcessingTime(models.Model):
    """The time that the pipeline has spent on the uploads of a user within an hour, failures included."""

    owner = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    hour_started_at = models.DateTimeField()
    seconds = models.FloatField(default=0.0)

    class Meta:
        verbose_name_plural = "processing times"

    def __str__(self) -> str:
        return f"{self.seconds:.1f} s since {self.hour_started_at}"


class PendingDeletion(UUIDModel):
    """An object in storage that is to be deleted. The row exists until storage and the CDN confirm the deletion."""

    bucket = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        # The former name of the model.
        db_table = "media_doomedobject"
        indexes = [models.Index(fields=["due_at"], name="pending_deletions_by_due")]

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"
