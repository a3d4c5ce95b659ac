"""What the feed does because of others: enqueue. And, before that, it puts the timeline of whoever acts in doubt, at
once and inside the transaction: what one does is in one's own feed on the next request, not when a task has run.

What takes posts away has no receiver (deleted, taken down, narrowed, hidden with their account): the rules are asked of
every id when it is shown. A block ends the follows of both, and comes as `unfollowed`.
"""

from uuid import UUID

from apps.accounts.events import account_shown
from apps.content.events import post_published, post_restored
from apps.feed import live, tasks
from apps.social.events import follow_accepted, followed, muted, unfollowed, unmuted


@post_published.receiver
@post_restored.receiver
def push_post(*, post_id: str, author_id: str) -> None:
    tasks.push_post.delay(post_id=post_id, author_id=author_id, doubt=live.doubt(UUID(author_id)))


@followed.receiver
@unfollowed.receiver
def follows_others(*, follower_id: str, followed_id: str) -> None:
    _settle(follower_id)


@follow_accepted.receiver
def is_accepted(*, requester_id: str, target_id: str) -> None:
    _settle(requester_id)


@muted.receiver
@unmuted.receiver
def mutes_others(*, muter_id: str, muted_id: str) -> None:
    _settle(muter_id)


def _settle(viewer_id: str) -> None:
    tasks.settle_timeline.delay(user_id=viewer_id, doubt=live.doubt(UUID(viewer_id)))


@account_shown.receiver
def drop_timelines_of_readers(*, user_id: str) -> None:
    tasks.drop_timelines_of_readers.delay(author_id=user_id)
