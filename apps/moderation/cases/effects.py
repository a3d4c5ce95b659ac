"""The effect of a decision, counted before it is confirmed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from apps.accounts.models import Session, User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Decision, Flag
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
    flags: int = 0
    statements: int = 0
    # Cases whose target is deleted.
    deleted: int = 0
    # Another moderator must confirm it; until then it has no effect.
    proposes: bool = False


def preview(targets: Sequence[Target], decision: str, *, until: datetime | None = None) -> Effect:
    """The effect of the decision on all targets. The number of queries does not depend on the number of targets."""
    if decision == Decision.SUSPEND and needs_second_moderator(until):
        return Effect(cases=len(targets), people=len({target.person_id for target in targets}), proposes=True)
    flags = Flag.objects.open_on([target.id for target in targets]).count()
    match decision:
        case Decision.TAKE_DOWN:
            return _preview_takedowns(targets, flags)
        case Decision.SUSPEND:
            return _preview_suspensions(targets, flags)
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
