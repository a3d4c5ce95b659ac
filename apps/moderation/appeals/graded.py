"""The texts of statements of reasons for graded measures, and for their end."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.moderation.models import ModerationAction, TargetType

Action = ModerationAction.Action


def describe(action: ModerationAction, which: str) -> tuple[str, str] | None:
    """The subject and the decision in words; None for other actions. `which` is the target in words: "your post of 3
    November 2026"."""
    of_account = action.target_type == TargetType.USER
    match action.action:
        case Action.MARK_SENSITIVE:
            return _("Your post was marked as sensitive"), _(
                "We have marked %(which)s as sensitive: its photos are covered until a reader asks to see them, and "
                "you cannot change this. This applies everywhere, until it is lifted."
            ) % {"which": which}
        case Action.LIMIT_REACH if of_account:
            return _("The reach of your account is limited"), _(
                "We have limited the reach of your account: your account and your posts do not appear in Explore, in "
                "search, in suggestions and on the pages of hashtags. Your profile and your posts stay visible, and "
                "your followers see them in their feeds. This applies everywhere, until it is lifted."
            )
        case Action.LIMIT_REACH:
            return _("The reach of your post is limited"), _(
                "We have limited the reach of %(which)s: it does not appear in Explore, in search and on the pages of "
                "hashtags. It stays visible on your profile, and your followers see it in their feeds. This applies "
                "everywhere, until it is lifted."
            ) % {"which": which}
        case Action.WARN:
            return _("A warning about your account"), _(
                "This is a warning: something that you did or posted breaks our rules. It has no other effect now, and "
                "it counts if it happens again."
            )
        case Action.UNMARK_SENSITIVE:
            return _("Your post is no longer marked as sensitive"), _(
                "We have removed the mark from %(which)s. Your own choice applies again."
            ) % {"which": which}
        case Action.RESTORE_REACH if of_account:
            return _("The reach of your account is restored"), _("We have lifted the limit on your account.")
        case Action.RESTORE_REACH:
            return _("The reach of your post is restored"), _("We have lifted the limit on %(which)s.") % {
                "which": which
            }
        case Action.WITHDRAW_WARNING:
            return _("Your warning was withdrawn"), _("We have withdrawn the warning: it does not count any more.")
    return None


def describe_together(actions: Sequence[ModerationAction]) -> tuple[str, str] | None:
    """As `describe`, for the same measure on several posts."""
    number = len(actions)
    match actions[0].action:
        case Action.MARK_SENSITIVE:
            return ngettext(
                "%(number)s of your posts was marked as sensitive",
                "%(number)s of your posts were marked as sensitive",
                number,
            ) % {"number": number}, ngettext(
                "We have marked %(number)s of your posts as sensitive: its photos are covered until a reader asks to "
                "see them, and you cannot change this. This applies everywhere, until it is lifted.",
                "We have marked %(number)s of your posts as sensitive: their photos are covered until a reader asks to "
                "see them, and you cannot change this. This applies everywhere, until it is lifted.",
                number,
            ) % {"number": number}
        case Action.LIMIT_REACH:
            return ngettext(
                "The reach of %(number)s of your posts is limited",
                "The reach of %(number)s of your posts is limited",
                number,
            ) % {"number": number}, ngettext(
                "We have limited the reach of %(number)s of your posts: it does not appear in Explore, in search and "
                "on the pages of hashtags. This applies everywhere, until it is lifted.",
                "We have limited the reach of %(number)s of your posts: they do not appear in Explore, in search and "
                "on the pages of hashtags. This applies everywhere, until it is lifted.",
                number,
            ) % {"number": number}
    return None
