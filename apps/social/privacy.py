"""What this context holds on a person, to be erased or handed out."""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from apps.accounts.models import User
from apps.core.db.batches import BATCH, delete_in_batches
from apps.core.privacy import Export
from apps.social import lists
from apps.social.counters import FOLLOWERS, FOLLOWING
from apps.social.lists import T
from apps.social.models import Block, Follow, FollowRequest, Mute


def erase(user_id: UUID) -> None:
    delete_in_batches(FollowRequest.objects.filter(Q(requester=user_id) | Q(target=user_id)))
    delete_in_batches(Block.objects.filter(Q(blocker=user_id) | Q(blocked=user_id)))
    delete_in_batches(Mute.objects.filter(Q(muter=user_id) | Q(muted=user_id)))
    _end_follows(Follow.objects.filter(follower=user_id), of=user_id, others="followed")
    _end_follows(Follow.objects.filter(followed=user_id), of=user_id, others="follower")


def _end_follows(follows: QuerySet[Follow], *, of: UUID, others: str) -> None:
    """A batch at a time, with the counters at both ends. As in every verb, the people are locked first, the smaller id
    first; what is still there then is ended, whatever happened meanwhile."""
    while batch := dict(follows.order_by("pk").values_list("pk", others)[:BATCH]):
        with transaction.atomic():
            people = User.objects.filter(pk__in=[of, *batch.values()]).order_by("pk")
            list(people.select_for_update(no_key=True).values_list("pk"))
            ended = dict(Follow.objects.filter(pk__in=batch).values_list("pk", others))
            Follow.objects.filter(pk__in=ended).delete()
            theirs, own = (FOLLOWERS, FOLLOWING) if others == "followed" else (FOLLOWING, FOLLOWERS)
            theirs.move_all(dict.fromkeys(ended.values(), -1))
            own.move(of, -len(ended))


def export(user_id: UUID) -> Export:
    """One's own ties, one's followers, and who asks to be one. Whom one may not see has no handle here."""
    following = Follow.objects.filter(follower=user_id)
    yield from _told("following", following, "followed", lists.followed_by(user_id, seen_by=user_id))
    followers = Follow.objects.filter(followed=user_id)
    yield from _told("followers", followers, "follower", lists.followers_of(user_id, seen_by=user_id))
    asked = FollowRequest.objects.filter(requester=user_id)
    yield from _told("follow_requests", asked, "target", lists.requests_by(user_id))
    asking = FollowRequest.objects.filter(target=user_id)
    yield from _told("follow_requests_received", asking, "requester", lists.requests_to(user_id))
    yield from _told("blocks", Block.objects.filter(blocker=user_id), "blocked", lists.blocked_by(user_id))
    yield from _told("mutes", Mute.objects.filter(muter=user_id), "muted", lists.muted_by(user_id))


def _told(kind: str, ties: QuerySet[T], person: str, shown: QuerySet[T]) -> Export:
    """`shown`: those of the ties that a list shows to the person themself."""
    marked = ties.annotate(is_shown=Exists(shown.filter(pk=OuterRef("pk"))))
    for handle, since, is_shown in marked.order_by("id").values_list(f"{person}__handle", "created_at", "is_shown"):
        yield kind, {"user": handle if is_shown else None, "since": since}
