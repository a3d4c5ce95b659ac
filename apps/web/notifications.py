"""Notifications for templates: a sentence, the page that it leads to, and a photo."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from apps.notifications import reads
from apps.notifications.api.serializers import NotificationSerializer
from apps.notifications.models import Type
from apps.notifications.querysets import WITH_STATEMENT
from apps.notifications.reads import NotificationRow
from apps.notifications.wording import PREVIEW_LENGTH
from apps.web.posts import present_posts

# By the number of actors.
SENTENCES: dict[str, Callable[[int], str]] = {
    Type.FOLLOW: lambda n: ngettext("{who} follows you.", "{who} follow you.", n),
    Type.FOLLOW_REQUEST: lambda n: ngettext("{who} asks to follow you.", "{who} ask to follow you.", n),
    Type.FOLLOW_ACCEPTED: lambda n: ngettext(
        "{who} has accepted your request to follow.", "{who} have accepted your requests to follow.", n
    ),
    Type.LIKE: lambda n: ngettext("{who} likes your post.", "{who} like your post.", n),
    Type.COMMENT: lambda n: ngettext("{who} has commented on your post.", "{who} have commented on your post.", n),
    Type.REPLY: lambda n: ngettext("{who} has replied to your comment.", "{who} have replied to your comment.", n),
    Type.MENTION: lambda n: ngettext("{who} has mentioned you in a post.", "{who} have mentioned you in a post.", n),
    Type.COMMENT_LIKE: lambda n: ngettext("{who} likes your comment.", "{who} like your comment.", n),
    Type.MODERATION: lambda n: gettext("The moderators have made a decision about your content or account."),
    Type.REPORT: lambda n: gettext("There is news about your report."),
}


def present_notifications(rows: Sequence[NotificationRow], viewer_id: UUID) -> list[dict[str, Any]]:
    """The representations of a page of notifications, with `sentence`, `path` and `photo` for the template."""
    serializer = NotificationSerializer(context={"actors": reads.get_actors(rows)})
    photos = _first_photos(rows, viewer_id)
    subjects = find_subjects([(row.id, row.type) for row in rows])
    return [
        _present(serializer.to_representation(row), photo=photos.get(row.post_id), subject_id=subjects.get(row.id))
        for row in rows
    ]


def find_subjects(notifications: Sequence[tuple[UUID, str]]) -> dict[UUID, UUID]:
    """{notification: the moderation action or the report that it is about} for notifications (id, type) of these types.

    Without a query if there are none.
    """
    decisions = [pk for pk, type_ in notifications if type_ == Type.MODERATION]
    answers = [pk for pk, type_ in notifications if type_ == Type.REPORT]
    actions = reads.get_moderation_actions(decisions) if decisions else {}
    return actions | (reads.get_reports(answers) if answers else {})


def get_path(
    type_: str, *, post_id: UUID | None, comment_id: UUID | None, handles: Sequence[str], subject_id: UUID | None
) -> str:
    """The page that a notification leads to, or "". `handles` are those of the newest actors; `subject_id` as in
    `find_subjects`."""
    if type_ == Type.MODERATION:
        return f"{reverse('web:appeal')}?action={subject_id}" if subject_id else ""
    if type_ == Type.REPORT:
        return reverse("web:own_report", args=[subject_id]) if subject_id else ""
    if type_ == Type.FOLLOW_REQUEST:
        return reverse("web:requests")
    if type_ in {Type.FOLLOW, Type.FOLLOW_ACCEPTED}:
        return reverse("web:profile", args=[handles[0]]) if handles else ""
    if post_id is None:
        return ""
    post = reverse("web:post", args=[post_id])
    return f"{post}#comment-{comment_id}" if comment_id else post


def _present(entry: dict[str, Any], *, photo: dict[str, Any] | None, subject_id: UUID | None) -> dict[str, Any]:
    path = get_path(
        entry["type"],
        post_id=entry["post_id"],
        comment_id=entry["comment_id"],
        handles=[actor["handle"] for actor in entry["actors"]],
        subject_id=subject_id,
    )
    added = {"sentence": _sentence(entry), "path": path, "photo": photo, "unread": entry["read_at"] is None}
    return entry | added | {"preview": _shorten(entry["preview"] or "", entry["type"])}


def _shorten(preview: str, type_: str) -> str:
    """The subject of a statement of reasons or an answer, and an ellipsis after a text that was cut."""
    if type_ in WITH_STATEMENT:
        return preview.partition("\n")[0]
    return f"{preview}…" if len(preview) == PREVIEW_LENGTH else preview


def _sentence(entry: dict[str, Any]) -> SafeString:
    count = max(entry["actor_count"], 1)
    sentence = SENTENCES[entry["type"]](count)
    if entry["type"] == Type.MENTION and entry["comment_id"]:
        sentence = ngettext("{who} has mentioned you in a comment.", "{who} have mentioned you in a comment.", count)
    return format_html(sentence, who=_name_actors(entry["actors"], count))


def _name_actors(actors: Sequence[dict[str, Any]], count: int) -> SafeString:
    """Up to two names, and the number of the others. A name may be written in another direction than the sentence."""
    names = [format_html("<bdi>{}</bdi>", actor["display_name"] or actor["handle"]) for actor in actors]
    if not names:
        return format_html("{}", gettext("A member"))
    if count == 1 or len(names) == 1:
        return names[0]
    if count == 2:
        return format_html(gettext("{first} and {second}"), first=names[0], second=names[1])
    others = ngettext("{first}, {second} and {number} other", "{first}, {second} and {number} others", count - 2)
    return format_html(others, first=names[0], second=names[1], number=count - 2)


def _first_photos(rows: Sequence[NotificationRow], viewer_id: UUID) -> dict[UUID | None, dict[str, Any]]:
    """{post: its first photo}, without the covered photos of others."""
    posts = present_posts(dict.fromkeys(row.post_id for row in rows if row.post_id), viewer_id)
    return {
        post["id"]: post["photos"][0] for post in posts if post["photos"] and (post["is_own"] or not post["is_covered"])
    }
