"""What must be true afterwards: rows, notifications, mails, counters and objects against what was acknowledged."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import Error, connection
from django.utils import timezone

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.db.counters import every_counter
from apps.core.models import QueuedTask
from apps.engagement.models import Comment, Like
from apps.media import inventory, storage, sweeps
from apps.media.models import Media, PendingDeletion
from apps.notifications.models import Channel, Delivery, NotificationEvent
from apps.social.models import Follow
from bench.faults.load import Crowd
from config.schedule import SCHEDULE

BY_THE_CLOCK = {*SCHEDULE, "apps.core.tasks.probe"}
UNDER_WAY = [Media.Status.UPLOADED, Media.Status.PROCESSING]


# ── Is everything done? ──────────────────────────────────────────────────────────────────────────────────────────
def under_way() -> dict[str, int]:
    """What still waits for a worker, tasks by name. What the clock rings for comes and goes, and is no backlog."""
    waiting = QueuedTask.objects.exclude(task_name__in=BY_THE_CLOCK).values_list("task_name", flat=True)
    counts = Counter(waiting) | {
        "uploads": Media.objects.filter(status__in=UNDER_WAY).count(),
        "mails": Delivery.objects.filter(status=Delivery.Status.PENDING).count(),
        "posts": Post.objects.filter(status=Post.Status.PROCESSING).count(),
    }
    return {name: count for name, count in counts.items() if count}


def seconds_until(quiet: Callable[[], object], *, at_most: float) -> float | None:
    """How long until `quiet` answers with nothing, or None if it took too long."""
    begun = time.monotonic()
    while time.monotonic() - begun <= at_most:
        try:
            if not quiet():
                return time.monotonic() - begun
        except Error:
            connection.close()
        time.sleep(0.25)
    return None


# ── Is everything there, and once? ───────────────────────────────────────────────────────────────────────────────
def faults(crowd: Crowd) -> list[str]:
    """Everything that is not as it must be, in words; best none."""
    return [*_lost(crowd), *_notifications(crowd), *_mails(crowd), *_drift()]


def _lost(crowd: Crowd) -> Iterator[str]:
    ledger = crowd.ledger
    media = {str(pk): status for pk, status in Media.objects.filter(pk__in=ledger.uploads).values_list("pk", "status")}
    settled = {Media.Status.READY, Media.Status.FAILED}
    for upload in ledger.uploads:
        # With a deleted post its photograph goes.
        if media.get(upload) not in settled and (upload in media or not ledger.deleted):
            yield f"upload {upload} is {media.get(upload, 'lost')}"
    for pk in Media.objects.filter(pk__in=media, status=Media.Status.FAILED, error_code="").values_list(
        "pk", flat=True
    ):
        yield f"upload {pk} failed without a reason"
    posts = {str(pk): status for pk, status in Post.objects.filter(pk__in=ledger.posts).values_list("pk", "status")}
    for post in ledger.posts:
        if post in ledger.deleted:
            if post in posts:
                yield f"post {post} was deleted and is there"
        elif posts.get(post) not in (Post.Status.PUBLISHED, Post.Status.FAILED):
            yield f"post {post} is {posts.get(post, 'lost')}"
    people = [UUID(person.id) for person in crowd.people]
    liked = {(str(user), str(post)) for user, post in Like.objects.filter(user__in=people).values_list("user", "post")}
    yield from (f"like of {post} is lost" for who, post in ledger.likes - liked if post not in ledger.deleted)
    followed = {
        (str(a), str(b)) for a, b in Follow.objects.filter(follower__in=people).values_list("follower", "followed")
    }
    yield from (f"follow of {other} is lost" for _, other in ledger.follows - followed)
    written = {str(pk) for pk in Comment.objects.filter(author__in=people).values_list("pk", flat=True)}
    if not ledger.deleted:
        yield from (f"comment {pk} is lost" for pk in ledger.comments - written)
    bios = {str(pk): bio for pk, bio in User.objects.filter(pk__in=people).values_list("pk", "bio")}
    yield from (f"bio of {pk} is lost" for pk, bio in list(ledger.bios.items()) if bios[pk] != bio)


def _notifications(crowd: Crowd) -> Iterator[str]:
    """One for each deed of one person to another, of those that were acknowledged and of those that were not."""
    people = [UUID(person.id) for person in crowd.people]
    deeds = {
        "like": [
            (pk, author)
            for pk, author, who in Like.objects.filter(user__in=people).values_list("pk", "post__author", "user")
            if author != who
        ],
        "comment": [
            (pk, author)
            for pk, author, who in Comment.objects.filter(author__in=people).values_list("pk", "post__author", "author")
            if author != who
        ],
        "follow": list(Follow.objects.filter(follower__in=people).values_list("pk", "followed")),
    }
    notified = Counter(NotificationEvent.objects.filter(recipient__in=people).values_list("cause", "recipient"))
    for kind, causes in deeds.items():
        for cause in causes:
            if notified[cause] != 1:
                yield f"{kind} {cause[0]} was notified {notified[cause]} times"


def _mails(crowd: Crowd) -> Iterator[str]:
    """One for each comment on another's post, by its Message-ID, and one to confirm each address."""
    people = [UUID(person.id) for person in crowd.people]
    mine = Delivery.objects.filter(event__recipient__in=people, channel=Channel.EMAIL)
    for status, error in mine.exclude(status=Delivery.Status.SENT).values_list("status", "error"):
        yield f"a mail is {status} ({error})"
    sent = {str(act) for act in mine.values_list("act", flat=True)}
    addresses = {f"{person.handle}@example.org" for person in crowd.people}
    mails = [mail for mail in list(crowd.mails.mails) if mail.to in addresses]
    confirming = Counter(mail.to for mail in mails if "token=" in mail.body)
    ids = [mail.message_id.strip("<>").split("@")[0] for mail in mails]
    arrived = {each.removeprefix("notification-") for each in ids if each.startswith("notification-")}
    yield from (f"mail of {act} never arrived" for act in sent - arrived)
    # What was mailed of a post that was deleted later has no row any more.
    if not crowd.ledger.deleted:
        yield from (f"mail {message} is nobody's" for message in arrived - sent)
    yield from (f"{confirming[to]} mails to confirm {to}" for to in addresses if confirming[to] != 1)


def mails_sent_again(crowd: Crowd) -> int:
    """Of those with the same Message-ID, all but one: a mail server may accept and die before it says so."""
    ids = Counter(mail.message_id for mail in list(crowd.mails.mails))
    return sum(count - 1 for count in ids.values())


def _drift() -> Iterator[str]:
    for counter in every_counter():
        for pk, shown, true in counter.repair(dry_run=True):
            yield f"{counter.label} of {pk} is {shown}, not {true}"


# ── Objects ──────────────────────────────────────────────────────────────────────────────────────────────────────
def unknown_objects() -> set[tuple[str, str]]:
    """Objects that neither a row knows, nor the list of those that are to go."""
    scheduled = set(PendingDeletion.objects.values_list("bucket", "key"))
    unknown = set()
    for bucket in (settings.S3_PRIVATE_BUCKET, settings.S3_PUBLIC_BUCKET):
        keys = [entry.key for entry in storage.listing(bucket, "")]
        unknown |= {(bucket, key) for key in set(keys) - inventory._known(bucket, keys)}
    return unknown - scheduled


def sweep() -> int:
    """The daily comparison of rows and storage, as if a day had passed, and the deletions that it asks for."""
    inventory.ORPHANED_AFTER = timedelta(0)
    found = sum(inventory.remove_orphaned_objects(shard) for shard in inventory.SHARDS)
    sweeps.delete_pending_objects()
    return found


def overdue_deletions() -> int:
    return PendingDeletion.objects.filter(due_at__lt=timezone.now() + timedelta(seconds=50)).count()
