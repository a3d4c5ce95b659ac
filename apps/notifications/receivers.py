"""Notifications listen to everything: each receiver enqueues a task."""

from apps.content.events import mentions_published, post_edited
from apps.engagement.events import (
    comment_hidden,
    comment_liked,
    comment_made,
    comment_shown,
    comment_unliked,
    post_liked,
    post_unliked,
)
from apps.moderation.events import action_taken
from apps.notifications import tasks
from apps.social.events import blocked, follow_accepted, follow_requested, follow_withdrawn, followed, unfollowed


@post_liked.receiver
@post_unliked.receiver
def tell_of_like(*, post_id: str, actor_id: str) -> None:
    tasks.tell_of_like.delay(post_id=post_id, actor_id=actor_id)


@comment_liked.receiver
@comment_unliked.receiver
def tell_of_comment_like(*, comment_id: str, actor_id: str) -> None:
    tasks.tell_of_comment_like.delay(comment_id=comment_id, actor_id=actor_id)


@comment_made.receiver
def tell_of_comment(*, comment_id: str, post_id: str, author_id: str) -> None:
    tasks.tell_of_comment.delay(comment_id=comment_id)


@comment_hidden.receiver
@comment_shown.receiver
def tell_of_comment_again(*, comment_id: str, post_id: str) -> None:
    tasks.tell_of_comment.delay(comment_id=comment_id)


@mentions_published.receiver
@post_edited.receiver
def tell_of_mentions(*, post_id: str, author_id: str) -> None:
    tasks.tell_of_mentions.delay(post_id=post_id)


@followed.receiver
@unfollowed.receiver
def tell_of_follow(*, follower_id: str, followed_id: str) -> None:
    tasks.tell_of_follow.delay(follower_id=follower_id, followed_id=followed_id)


@follow_accepted.receiver
def tell_of_acceptance(*, requester_id: str, target_id: str) -> None:
    tasks.tell_of_follow.delay(follower_id=requester_id, followed_id=target_id, accepted=True)


@follow_requested.receiver
@follow_withdrawn.receiver
def tell_of_follow_request(*, requester_id: str, target_id: str) -> None:
    tasks.tell_of_follow_request.delay(requester_id=requester_id, target_id=target_id)


@blocked.receiver
def forget_across_block(*, blocker_id: str, blocked_id: str) -> None:
    tasks.forget_across_block.delay(blocker_id=blocker_id, blocked_id=blocked_id)


@action_taken.receiver
def tell_of_moderation(*, action_id: str) -> None:
    tasks.tell_of_moderation.delay(action_id=action_id)
