"""Erasure and export of a user's data in this app."""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.privacy import Export
from apps.social import visibility
from apps.social.counters import FOLLOWERS, FOLLOWING
from apps.social.models import Block, Follow, FollowRequest, Mute
from apps.social.visibility import T


def erase(user_id: UUID) -> None:
    delete_in_batches(FollowRequest.objects.filter(Q(requester=user_id) | Q(target=user_id)))
    delete_in_batches(Block.objects.filter(Q(blocker=user_id) | Q(blocked=user_id)))
    delete_in_batches(Mute.objects.filter(Q(muter=user_id) | Q(muted=user_id)))
    _delete_follows(Follow.objects.filter(follower=user_id), of=user_id, other="followed")
    _delete_follows(Follow.objects.filter(followed=user_id), of=user_id, other="follower")


def _delete_follows(follows: QuerySet[Follow], *, of: UUID, other: str) -> None:
    """Delete the follows in batches and update the counters of both accounts.

    As in every service the accounts are locked first, the smaller id first. Only follows that still exist after that
    are counted.
    """
    while batch := dict(follows.order_by("pk").values_list("pk", other)[:BATCH]):
        with transaction.atomic():
            accounts = User.objects.filter(pk__in=[of, *batch.values()]).order_by("pk")
            list(accounts.select_for_update(no_key=True).values_list("pk"))
            deleted = dict(Follow.objects.filter(pk__in=batch).values_list("pk", other))
            Follow.objects.filter(pk__in=deleted).delete()
            theirs, own = (FOLLOWERS, FOLLOWING) if other == "followed" else (FOLLOWING, FOLLOWERS)
            theirs.move_all(dict.fromkeys(deleted.values(), -1))
            own.move(of, -len(deleted))


def export(user_id: UUID) -> Export:
    """The user's follows, followers, follow requests, blocks and mutes, without the handles of hidden accounts."""
    following = Follow.objects.filter(follower=user_id)
    yield from _export("following", following, "followed", visibility.followed_by(user_id, viewer_id=user_id))
    followers = Follow.objects.filter(followed=user_id)
    yield from _export("followers", followers, "follower", visibility.followers_of(user_id, viewer_id=user_id))
    sent = FollowRequest.objects.filter(requester=user_id)
    yield from _export("follow_requests", sent, "target", visibility.requests_by(user_id))
    received = FollowRequest.objects.filter(target=user_id)
    yield from _export("follow_requests_received", received, "requester", visibility.requests_to(user_id))
    yield from _export("blocks", Block.objects.filter(blocker=user_id), "blocked", visibility.blocked_by(user_id))
    yield from _export("mutes", Mute.objects.filter(muter=user_id), "muted", visibility.muted_by(user_id))


def _export(kind: str, rows: QuerySet[T], other: str, listed: QuerySet[T]) -> Export:
    """`listed`: the rows that the user's own list shows."""
    annotated = rows.annotate(is_listed=Exists(listed.filter(pk=OuterRef("pk"))))
    for handle, since, is_listed in annotated.order_by("id").values_list(f"{other}__handle", "created_at", "is_listed"):
        yield kind, {"user": handle if is_listed else None, "since": since}
