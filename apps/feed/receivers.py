"""Reactions to events of other apps: enqueue a task.

Before that, the timeline of the acting user is invalidated in the same transaction, so that their own action shows in
the next request, before a task has run.

Events that hide posts (deleted, taken down, narrowed, hidden with the account) have no receiver: the rules are applied
to every id when it is shown. A block ends the follows of both accounts, and arrives as `unfollowed`.
"""

from uuid import UUID

from apps.accounts.events import account_shown
from apps.content.events import post_published, post_restored, tag_restricted
from apps.feed import live, tasks
from apps.social.events import follow_accepted, followed, muted, unfollowed, unmuted


@post_published.receiver
@post_restored.receiver
def push_post(*, post_id: str, author_id: str) -> None:
    tasks.push_post.delay(post_id=post_id, author_id=author_id, mark=live.invalidate(UUID(author_id)))


@followed.receiver
@unfollowed.receiver
def on_follow(*, follower_id: str, followed_id: str) -> None:
    _invalidate(follower_id)


@follow_accepted.receiver
def on_accepted(*, requester_id: str, target_id: str) -> None:
    _invalidate(requester_id)


@muted.receiver
@unmuted.receiver
def on_mute(*, muter_id: str, muted_id: str) -> None:
    _invalidate(muter_id)


def _invalidate(viewer_id: str) -> None:
    tasks.settle_timeline.delay(user_id=viewer_id, mark=live.invalidate(UUID(viewer_id)))


@account_shown.receiver
def drop_timelines_of_readers(*, user_id: str) -> None:
    tasks.drop_timelines_of_readers.delay(author_id=user_id)


@tag_restricted.receiver
def drop_hidden_tags(*, tag_id: str) -> None:
    tasks.drop_hidden_tags.delay()
