"""Likes, saves and comments."""

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.content.models import Post
from apps.core.db.derived import WordsField
from apps.core.db.querysets import InsertOrIgnoreQuerySet
from apps.core.models import UUIDModel
from apps.engagement.querysets import CommentQuerySet, ReactionQuerySet


class Like(UUIDModel):
    post = models.ForeignKey(Post, models.CASCADE, related_name="likes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects = ReactionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "post"], name="one_like_per_person_and_post")]
        indexes = [
            models.Index(fields=["post", "-id"], name="likes_of_post_newest_first"),
            models.Index(fields=["user", "-id"], name="likes_by_user_newest_first"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.post_id}"


class Save(UUIDModel):
    post = models.ForeignKey(Post, models.CASCADE, related_name="saves")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects = ReactionQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "post"], name="one_save_per_person_and_post")]
        indexes = [models.Index(fields=["user", "-id"], name="saves_by_user_newest_first")]

    def __str__(self) -> str:
        return f"{self.user_id} saved {self.post_id}"


class Comment(UUIDModel):
    """A comment or, with `parent`, a reply. There is one level of replies.

    A removed comment that has replies stays as a tombstone: `removed_at` is set, text and author are deleted.
    """

    post = models.ForeignKey(Post, models.CASCADE, related_name="comments")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+", db_index=False)
    parent = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="replies")
    text = models.CharField(max_length=1000, blank=True)
    words = WordsField(source="text")
    like_count = models.IntegerField(default=0)
    reply_count = models.IntegerField(default=0)
    taken_down_at = models.DateTimeField(null=True, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = CommentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["post", "-id"], condition=Q(parent__isnull=True), name="threads_newest_first"),
            models.Index(fields=["parent", "id"], condition=Q(parent__isnull=False), name="replies_oldest_first"),
            models.Index(fields=["author", "post", "id"], name="comments_by_author_and_post"),
            GinIndex(fields=["words"], name="comments_by_stored_words"),
            # Filters of the console.
            models.Index(fields=["author", "-id"], name="comments_by_author_newest"),
            models.Index(fields=["-id"], condition=Q(taken_down_at__isnull=False), name="comments_taken_down"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(like_count__gte=0), name="comment_like_count_not_negative"),
            models.CheckConstraint(condition=Q(reply_count__gte=0), name="reply_count_not_negative"),
            models.CheckConstraint(
                condition=Q(author__isnull=False, removed_at__isnull=True)
                | Q(author__isnull=True, removed_at__isnull=False, text=""),
                name="a_tombstone_says_nothing",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class CommentMention(models.Model):
    """A mention of an account in a comment. The offset and the length are in code points and include the @."""

    comment = models.ForeignKey(Comment, models.CASCADE, related_name="mentions", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    offset = models.PositiveSmallIntegerField()
    length = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "offset"], name="one_comment_mention_per_place")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.comment_id}"


class CommentLike(UUIDModel):
    comment = models.ForeignKey(Comment, models.CASCADE, related_name="likes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(db_default=Now())

    objects = InsertOrIgnoreQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "comment"], name="one_like_per_person_and_comment")]
        indexes = [models.Index(fields=["comment", "-id"], name="likes_of_comment")]

    def __str__(self) -> str:
        return f"{self.user_id} likes {self.comment_id}"
