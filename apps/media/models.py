"""An uploaded photo, the objects made of it, and the objects that must go."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.core.models import UUIDModel
from apps.core.tasks.leased import LeasedJob
from apps.media.querysets import MediaQuerySet
from apps.safety.fields import ImageHashField


class Media(UUIDModel, LeasedJob):
    """A photo from the promise of an upload to its variants.

    Originals and variants lie in the private bucket. `public_secret` is set while copies of the variants lie in the
    public one; both secrets are unguessable and have nothing to do with the id. A row names objects in storage, so it
    is not deleted with its owner by the way: `objects.destroy` remembers them first.
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

    # As declared by the client, and enforced by the signature of the upload URL.
    content_type = models.CharField(max_length=50)
    bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)

    # Where the client may PUT; from `complete` on the copy that was checked, which nobody else can write.
    original_key = models.CharField(max_length=200, unique=True)
    original_etag = models.CharField(max_length=100, blank=True)

    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    blurhash = models.CharField(max_length=60, blank=True)
    dominant_color = models.CharField(max_length=7, blank=True)
    # What it looks like (PDQ). Null: not rendered since hashes are kept, or too plain to be told from others.
    image_hash = ImageHashField(null=True, editable=False)
    # The ban that it falls under, where such pictures are flagged instead of refused; a plain id: bans are lifted.
    blocked_as = models.UUIDField(null=True, editable=False)
    # [{name, content_type, width, height, bytes}]; keys and URLs are derived from the secrets.
    variants = models.JSONField(default=list)
    private_secret = models.CharField(max_length=64, blank=True)
    public_secret = models.CharField(max_length=64, blank=True)
    # Whether copies in the public bucket are wanted; the copying job and its race with hiding turn on this.
    wanted_public = models.BooleanField(default=False)
    # URLs signed until now must stop working: the private variants are to be moved to keys nobody knows.
    urls_revoked = models.BooleanField(default=False)

    error_code = models.CharField(max_length=40, blank=True)
    error_detail = models.CharField(max_length=300, blank=True)
    # When the sweep enqueues the next task: the pipeline, public copies, new keys. Null: there is nothing to do.
    next_attempt_at = models.DateTimeField(null=True, db_column="ring_at")

    # Whatever uses the medium (a post, an avatar) holds it; one that is in use is not deleted.
    in_use = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    # When it was handed to the pipeline, the last time.
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
            # What is shown of people, beside their own rows, without a look at the widest table.
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


class DoomedObject(UUIDModel):
    """An object in storage that must go; a committed deletion is remembered here until storage confirms it."""

    bucket = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["due_at"], name="doomed_by_due_time")]

    def __str__(self) -> str:
        return f"{self.bucket}/{self.key}"
