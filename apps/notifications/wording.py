"""Notifications in words: what is shown of what they are about, and a line for push and mail."""

from apps.notifications.models import Act, Type

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


def preview(type_: str, statement: str, text: str | None, caption: str | None) -> str | None:
    """The start of the comment or caption it is about; of a decision, its whole statement. Ask `readable_by` first."""
    if type_ == Type.MODERATION:
        return statement
    about = text if text is not None else caption
    return about[:PREVIEW_LENGTH] if about is not None else None
