"""The texts of notifications: the preview in the list, and the line for push and mail."""

from apps.notifications.models import NotificationEvent, Type

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
    Type.MODERATION: "The moderators have made a decision about your content or account.",
}


def get_line(event: NotificationEvent) -> str:
    who = f"@{event.actor.handle}" if event.actor else ""
    return _LINES[Type(event.notification.type)].format(who=who)


def get_preview(type_: str, statement: str, text: str | None, caption: str | None) -> str | None:
    """The statement of a moderation action, otherwise the start of the comment or caption.

    The caller has checked with `readable_by` that the recipient may read the notification.
    """
    if type_ == Type.MODERATION:
        return statement
    about = text if text is not None else caption
    return about[:PREVIEW_LENGTH] if about is not None else None
