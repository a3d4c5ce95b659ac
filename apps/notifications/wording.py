"""Notifications in words: what is shown of what they are about, and a line for push and mail."""

from apps.notifications.models import Act, Notification, Type

PREVIEW_LENGTH = 100
_LINES = {
    Type.FOLLOW: "{who} follows you.",
    Type.FOLLOW_REQUEST: "{who} asks to follow you.",
    Type.FOLLOW_ACCEPTED: "{who} has accepted your request to follow.",
    Type.LIKE: "{who} likes your photo.",
    Type.COMMENT: "{who} has commented on your photo.",
    Type.REPLY: "{who} has replied to your comment.",
    Type.MENTION: "{who} has mentioned you.",
    Type.COMMENT_LIKE: "{who} likes your comment.",
    Type.MODERATION: "The moderators have decided about something of yours.",
}


def line(act: Act) -> str:
    who = f"@{act.actor.handle}" if act.actor else ""
    return _LINES[Type(act.notification.type)].format(who=who)


def preview(notification: Notification) -> str | None:
    """The start of the comment or caption it is about; of a decision, its whole statement. Ask `readable_by` first."""
    if notification.type == Type.MODERATION:
        return notification.statement
    if notification.comment:
        return notification.comment.text[:PREVIEW_LENGTH]
    return notification.post.caption[:PREVIEW_LENGTH] if notification.post else None
