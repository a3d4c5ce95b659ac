"""Posts of photos, with the tags and mentions of their captions."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.content.querysets import PUBLISHED, PostQuerySet, TagQuerySet
from apps.core.db.derived import SearchableField, WordsField
from apps.core.models import UUIDModel
from apps.media.models import Media


class Post(UUIDModel):
    class Visibility(models.TextChoices):
        PUBLIC = "public"
        FOLLOWERS = "followers"

    class Status(models.TextChoices):
        PROCESSING = "processing"
        PUBLISHED = "published"
        FAILED = "failed"

    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="posts", db_index=False)
    caption = models.CharField(max_length=2200, blank=True)
    words = WordsField(source="caption")
    visibility = models.CharField(max_length=10, choices=Visibility.choices, default=Visibility.PUBLIC)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PROCESSING)
    # Not a status, so that a restored post has its former status.
    taken_down_at = models.DateTimeField(null=True, blank=True)
    sensitive = models.BooleanField(default=False)
    # While a moderator or a tag marks the post as sensitive: what its author chose. See `sensitivity.py`.
    sensitive_by_author = models.BooleanField(null=True, blank=True)
    # By decisions of moderators.
    marked_sensitive = models.BooleanField(default=False, db_default=False)
    reach_limited = models.BooleanField(default=False, db_default=False)
    comments_enabled = models.BooleanField(default=True)
    like_count = models.IntegerField(default=0)
    comment_count = models.IntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    published_at = models.DateTimeField(null=True, blank=True)
    edited_at = models.DateTimeField(null=True, blank=True)

    media = models.ManyToManyField(Media, through="PostMedia", related_name="posts")

    objects = PostQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["author", "-id"], name="posts_by_author"),
            models.Index(fields=["author", "-id"], condition=PUBLISHED, name="shown_posts_by_author"),
            models.Index(fields=["id"], condition=Q(status="processing"), name="posts_processing"),
            GinIndex(fields=["words"], name="posts_by_stored_words"),
            # Filters of the console.
            models.Index(fields=["-id"], condition=Q(visibility="followers"), name="posts_for_followers"),
            models.Index(fields=["-id"], condition=Q(status="failed"), name="posts_failed"),
            models.Index(fields=["-id"], condition=Q(sensitive=True), name="posts_sensitive"),
            models.Index(fields=["-id"], condition=Q(taken_down_at__isnull=False), name="posts_taken_down"),
            models.Index(fields=["-id"], condition=Q(reach_limited=True), name="posts_reach_limited"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(visibility__in=["public", "followers"]), name="visibility_is_known"),
            models.CheckConstraint(
                condition=Q(status__in=["processing", "published", "failed"]), name="post_status_is_known"
            ),
            models.CheckConstraint(condition=Q(like_count__gte=0), name="like_count_not_negative"),
            models.CheckConstraint(condition=Q(comment_count__gte=0), name="comment_count_not_negative"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def is_published(self) -> bool:
        """As `PUBLISHED` in querysets.py, for a post in memory."""
        return self.status == self.Status.PUBLISHED and self.taken_down_at is None


class PostMedia(models.Model):
    """The position of a photo in a post. A medium belongs to at most one post."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="items", db_index=False)
    medium = models.OneToOneField(Media, models.PROTECT, related_name="item")
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "position"], name="one_medium_per_position")]

    def __str__(self) -> str:
        return f"{self.post_id}[{self.position}]"


class Tag(UUIDModel):
    """A hashtag, lower-case, without #."""

    name = models.CharField(max_length=100, unique=True)
    searchable_name = SearchableField(source="name", max_length=100)
    # By moderators. The posts of a hidden tag are not in explore, and it is not in search. The posts of a sensitive
    # tag are sensitive.
    hidden = models.BooleanField(default=False, db_default=False)
    sensitive = models.BooleanField(default=False, db_default=False)

    objects = TagQuerySet.as_manager()

    class Meta:
        indexes = [
            # There are few of these.
            models.Index(fields=["id"], condition=Q(hidden=True), name="hidden_tags"),
            models.Index(fields=["name"], condition=Q(sensitive=True), name="sensitive_tags"),
        ]

    def __str__(self) -> str:
        return f"#{self.name}"


class PostTag(models.Model):
    """A tag of a caption. The index of the constraint, read backwards, is the tag's list, newest first."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="post_tags")
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="+", db_index=False)
    position = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tag", "post"], name="one_tag_per_post")]

    def __str__(self) -> str:
        return f"{self.tag_id} on {self.post_id}"


class Mention(models.Model):
    """A mention of an account in a caption. The offset and the length are in code points and include the @."""

    post = models.ForeignKey(Post, models.CASCADE, related_name="mentions", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    offset = models.PositiveSmallIntegerField()
    length = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "offset"], name="one_mention_per_place")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.post_id}"


class StaleExposure(models.Model):
    """An account whose privacy or state has changed, and whose photos do not have or lack public copies accordingly
    yet. The row is deleted when they do; until then the task is enqueued again."""

    author = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return str(self.author_id)
