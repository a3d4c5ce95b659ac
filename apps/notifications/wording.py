"""The texts of notifications: the preview in the list, and the line for push and mail."""

from django.utils.translation import gettext_lazy as _

from apps.core.languages import use_language
from apps.notifications.models import NotificationEvent, Type
from apps.notifications.querysets import WITH_STATEMENT

PREVIEW_LENGTH = 100
_LINES = {
    Type.FOLLOW: _("{who} follows you."),
    Type.FOLLOW_REQUEST: _("{who} asks to follow you."),
    Type.FOLLOW_ACCEPTED: _("{who} has accepted your request to follow."),
    Type.LIKE: _("{who} likes your photo."),
    Type.COMMENT: _("{who} has commented on your photo."),
    Type.REPLY: _("{who} has replied to your comment."),
    Type.MENTION: _("{who} has mentioned you."),
    Type.COMMENT_LIKE: _("{who} likes your comment."),
    Type.MODERATION: _("The moderators have made a decision about your content or account."),
    Type.REPORT: _("There is news about your report."),
}


def get_line(event: NotificationEvent) -> str:
    """The line for push and mail, in the language of the recipient."""
    who = f"@{event.actor.handle}" if event.actor else ""
    with use_language(event.recipient.locale):
        return str(_LINES[Type(event.notification.type)]).format(who=who)


def get_preview(type_: str, statement: str, text: str | None, caption: str | None) -> str | None:
    """The statement of a moderation action or the answer to a report, otherwise the start of the comment or caption.

    The caller has checked with `readable_by` that the recipient may read the notification.
    """
    if type_ in WITH_STATEMENT:
        return statement
    about = text if text is not None else caption
    return about[:PREVIEW_LENGTH] if about is not None else None
