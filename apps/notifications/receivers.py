"""Reactions to the events of other apps: each receiver enqueues a task."""

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
from apps.moderation.events import action_taken, flag_made, report_decided
from apps.notifications import tasks
from apps.social.events import blocked, follow_accepted, follow_requested, follow_withdrawn, followed, unfollowed


@post_liked.receiver
@post_unliked.receiver
def on_like_changed(*, post_id: str, actor_id: str) -> None:
    tasks.sync_like_notification.delay(post_id=post_id, actor_id=actor_id)


@comment_liked.receiver
@comment_unliked.receiver
def on_comment_like_changed(*, comment_id: str, actor_id: str) -> None:
    tasks.sync_comment_like_notification.delay(comment_id=comment_id, actor_id=actor_id)


@comment_made.receiver
def on_comment_made(*, comment_id: str, post_id: str, author_id: str) -> None:
    tasks.sync_comment_notifications.delay(comment_id=comment_id)


@comment_hidden.receiver
@comment_shown.receiver
def on_comment_visibility_changed(*, comment_id: str, post_id: str) -> None:
    tasks.sync_comment_notifications.delay(comment_id=comment_id)


@mentions_published.receiver
@post_edited.receiver
def on_mentions_changed(*, post_id: str, author_id: str) -> None:
    tasks.sync_mention_notifications.delay(post_id=post_id)


@followed.receiver
@unfollowed.receiver
def on_follow_changed(*, follower_id: str, followed_id: str) -> None:
    tasks.sync_follow_notification.delay(follower_id=follower_id, followed_id=followed_id)


@follow_accepted.receiver
def on_follow_accepted(*, requester_id: str, target_id: str) -> None:
    tasks.sync_follow_notification.delay(follower_id=requester_id, followed_id=target_id, accepted=True)


@follow_requested.receiver
@follow_withdrawn.receiver
def on_follow_request_changed(*, requester_id: str, target_id: str) -> None:
    tasks.sync_follow_request_notification.delay(requester_id=requester_id, target_id=target_id)


@blocked.receiver
def on_blocked(*, blocker_id: str, blocked_id: str) -> None:
    tasks.remove_notifications_between.delay(blocker_id=blocker_id, blocked_id=blocked_id)


@action_taken.receiver
def on_moderation_action_taken(*, action_id: str) -> None:
    tasks.create_moderation_notification.delay(action_id=action_id)


@flag_made.receiver
def on_report_received(*, flag_id: str) -> None:
    tasks.create_report_notification.delay(cause=flag_id)


@report_decided.receiver
def on_report_decided(*, action_id: str) -> None:
    tasks.create_report_notification.delay(cause=action_id)
