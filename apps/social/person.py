"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.core.batches import BATCH, delete_in_batches
from apps.core.contexts import Export
from apps.core.counters import Counter
from apps.social.counters import FOLLOWERS, FOLLOWING
from apps.social.models import Block, Follow, FollowRequest, Mute


def erase(user_id: UUID) -> None:
    delete_in_batches(FollowRequest.objects.filter(Q(requester=user_id) | Q(target=user_id)))
    delete_in_batches(Block.objects.filter(Q(blocker=user_id) | Q(blocked=user_id)))
    delete_in_batches(Mute.objects.filter(Q(muter=user_id) | Q(muted=user_id)))
    _end_follows(Follow.objects.filter(follower=user_id), FOLLOWERS, "followed_id")
    _end_follows(Follow.objects.filter(followed=user_id), FOLLOWING, "follower_id")


def _end_follows(follows: QuerySet[Follow], others: Counter, end: str) -> None:
    """A batch at a time, with the counters of the people at the other end."""
    while batch := list(follows.order_by("pk")[:BATCH]):
        with transaction.atomic():
            for follow in sorted(batch, key=lambda row: getattr(row, end)):
                if Follow.objects.filter(pk=follow.pk).delete()[0]:
                    others.decrement(getattr(follow, end))


def export(user_id: UUID) -> Export:
    for follow in Follow.objects.filter(follower=user_id).select_related("followed").order_by("id").iterator():
        yield "following", {"user": follow.followed.handle, "since": follow.created_at}
    for follow in Follow.objects.filter(followed=user_id).select_related("follower").order_by("id").iterator():
        yield "followers", {"user": follow.follower.handle, "since": follow.created_at}
    for ask in FollowRequest.objects.filter(requester=user_id).select_related("target").order_by("id").iterator():
        yield "follow_requests", {"user": ask.target.handle, "since": ask.created_at}
    for block in Block.objects.filter(blocker=user_id).select_related("blocked").order_by("id").iterator():
        yield "blocks", {"user": block.blocked.handle, "since": block.created_at}
    for mute in Mute.objects.filter(muter=user_id).select_related("muted").order_by("id").iterator():
        yield "mutes", {"user": mute.muted.handle, "since": mute.created_at}
