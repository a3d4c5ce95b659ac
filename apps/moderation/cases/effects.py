"""The effect of a decision or of undoing one, counted before it is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q, Sum

from apps.accounts.models import Session, User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation.cases.decisions import Target, find_row
from apps.moderation.models import Decision, Flag, ModerationAction, TargetType
from apps.moderation.services import needs_second_moderator


@dataclass(frozen=True)
class Effect:
    """The numbers of rows that the decision would hide, end, close or send at this moment."""

    cases: int = 0
    posts: int = 0
    comments: int = 0
    people: int = 0
    followers: int = 0
    sessions: int = 0
    # Posts that become sensitive, posts and accounts with limited reach, and warned accounts.
    marked: int = 0
    limited_posts: int = 0
    limited_accounts: int = 0
    warned: int = 0
    flags: int = 0
    # Other open reports about the suspended accounts and their content, which stay open.
    others: int = 0
    statements: int = 0
    # Cases whose target is deleted, and those about something else than a post, for decisions about posts.
    deleted: int = 0
    unfit: int = 0
    # Another moderator must confirm it; until then it has no effect.
    proposes: bool = False


def preview(
    targets: Sequence[Target], decision: str, *, until: datetime | None = None, close_others: bool = False
) -> Effect:
    """The effect of the decision on all targets. The number of queries does not depend on the number of targets.

    `close_others`: a suspension closes all open reports about the account and its content.
    """
    people = {target.person_id for target in targets}
    if decision == Decision.SUSPEND and needs_second_moderator(until):
        return Effect(cases=len(targets), people=len(people), proposes=True)
    ids = [target.id for target in targets]
    flags = Flag.objects.open_on(ids).count()
    match decision:
        case Decision.TAKE_DOWN:
            return _preview_takedowns(targets, flags)
        case Decision.SUSPEND:
            others = Flag.objects.others_about(people, than=ids).count()
            effect = _preview_suspensions(targets, flags)
            return replace(effect, flags=flags + others) if close_others else replace(effect, others=others)
        case Decision.MARK_SENSITIVE | Decision.LIMIT_POST:
            return _preview_posts(targets, decision)
        case Decision.LIMIT_ACCOUNT | Decision.WARN:
            return _preview_accounts(targets, decision, flags)
    return Effect(cases=len(targets), flags=flags)


def _preview_takedowns(targets: Sequence[Target], flags: int) -> Effect:
    """The comments of a post are hidden with it."""
    ids = [target.id for target in targets]
    posts = dict(Post.objects.filter(pk__in=ids).values_list("pk", "taken_down_at"))
    hidden_posts = {pk for pk, taken_down_at in posts.items() if taken_down_at is None}
    under = Post.objects.filter(pk__in=hidden_posts).aggregate(total=Sum("comment_count"))["total"] or 0
    comments = Comment.objects.filter(pk__in=ids, removed_at=None).values_list("taken_down_at", "post_id")
    own = [post_id for taken_down_at, post_id in comments if taken_down_at is None]
    return Effect(
        cases=len(targets),
        posts=len(hidden_posts),
        comments=under + sum(post_id not in hidden_posts for post_id in own),
        people=len({target.person_id for target in targets}),
        flags=flags,
        statements=len(hidden_posts) + len(own),
        deleted=len(targets) - len(posts) - len(comments),
    )


def _preview_suspensions(targets: Sequence[Target], flags: int) -> Effect:
    people = User.objects.filter(pk__in={target.person_id for target in targets}).exclude(state=User.State.ERASED)
    ids = [person.pk for person in people]
    hidden = [person for person in people if person.is_active]
    return Effect(
        cases=len(targets),
        posts=sum(person.post_count for person in hidden),
        comments=Comment.objects.published().filter(author__in=[person.pk for person in hidden]).count(),
        people=len(ids),
        followers=sum(person.follower_count for person in hidden),
        sessions=Session.objects.live().filter(user__in=ids).count(),
        flags=flags,
        statements=len(ids),
    )


def _preview_posts(targets: Sequence[Target], decision: str) -> Effect:
    fit = [target for target in targets if target.type == TargetType.POST]
    posts = Post.objects.filter(pk__in=[target.id for target in fit])
    marks = decision == Decision.MARK_SENSITIVE
    unaffected = Q(marked_sensitive=True) if marks else Q(reach_limited=True)
    number = posts.exclude(unaffected).count()
    return Effect(
        cases=len(targets),
        marked=number if marks else 0,
        limited_posts=0 if marks else number,
        people=len({target.person_id for target in fit}),
        flags=Flag.objects.open_on([target.id for target in fit]).count(),
        statements=number,
        deleted=len(fit) - posts.count(),
        unfit=len(targets) - len(fit),
    )


def _preview_accounts(targets: Sequence[Target], decision: str, flags: int) -> Effect:
    people = User.objects.not_erased().filter(pk__in={target.person_id for target in targets})
    warns = decision == Decision.WARN
    # Also accounts whose owners have turned off `discoverable`: these are limited and notified, too.
    number = people.count() if warns else people.filter(reach_limited=False).count()
    return Effect(
        cases=len(targets),
        warned=number if warns else 0,
        limited_accounts=0 if warns else number,
        people=people.count(),
        flags=flags,
        statements=number,
    )


@dataclass(frozen=True)
class Restoration:
    """The numbers of rows that undoing an action would make visible again at this moment, and what stays as it is."""

    # What ends, of a graded measure.
    ends: str = ""
    posts: int = 0
    comments: int = 0
    followers: int = 0
    # Reports that the decision closed. They stay closed.
    closed_reports: int = 0
    # Posts and comments of the account that separate decisions have taken down. They stay hidden.
    taken_down: int = 0
    # The content stays hidden, because its author's account is not active.
    author_inactive: bool = False
    # The target was deleted in the meantime.
    deleted: bool = False


_ENDS: dict[str, str] = {
    ModerationAction.Action.MARK_SENSITIVE: "The post is sensitive only if its author or a hashtag says so",
    ModerationAction.Action.LIMIT_REACH: "It appears in explore, search, suggestions and lists of tags again",
    ModerationAction.Action.WARN: "The warning no longer counts",
}


def preview_undo(action: ModerationAction) -> Restoration:
    """The effect of undoing a measure in force."""
    closed = ModerationAction.objects.filter(part_of_id=action.pk).count()
    if ends := _ENDS.get(action.action):
        deleted = find_row(action.target_type, action.target_id) is None
        return Restoration(ends=ends, closed_reports=closed, deleted=deleted)
    match action.target_type:
        case TargetType.USER:
            return _preview_unsuspension(User.objects.filter(pk=action.target_id).first(), closed)
        case TargetType.POST:
            post = Post.objects.select_related("author").filter(pk=action.target_id).first()
            return _preview_restoration(post, closed, comments=post.comment_count if post else 0)
    comments = Comment.objects.select_related("author").exclude(author=None)
    return _preview_restoration(comments.filter(pk=action.target_id).first(), closed)


def _preview_unsuspension(person: User | None, closed: int) -> Restoration:
    if person is None:
        return Restoration(closed_reports=closed, deleted=True)
    takedowns = ModerationAction.objects.affecting(person.pk).in_force()
    return Restoration(
        posts=person.post_count,
        comments=Comment.objects.published().filter(author=person).count(),
        followers=person.follower_count,
        closed_reports=closed,
        taken_down=takedowns.filter(action=ModerationAction.Action.TAKEDOWN).count(),
    )


def _preview_restoration(row: Post | Comment | None, closed: int, *, comments: int = 0) -> Restoration:
    if row is None:
        return Restoration(closed_reports=closed, deleted=True)
    author = row.author
    if author is None or not author.is_active:
        return Restoration(closed_reports=closed, author_inactive=True)
    if isinstance(row, Post):
        return Restoration(posts=1, comments=comments, closed_reports=closed)
    return Restoration(comments=1, closed_reports=closed)
