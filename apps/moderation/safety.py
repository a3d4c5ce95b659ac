"""Changes of the rules about blocked content, and automatic reports of content that breaks them.

Each change is recorded as a staff act in its transaction.
"""

from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import Conflict, NotFound
from apps.engagement.models import Comment
from apps.media.models import Media
from apps.moderation.audit.records import record_staff_act, require_reason
from apps.moderation.cases.decisions import Target, in_force, lock_target
from apps.moderation.events import flag_made
from apps.moderation.models import Category, Flag, ModerationAction, TargetType
from apps.moderation.roles import require_may_change_rules
from apps.safety import services as rules
from apps.safety.models import BlockedImage, BlockedTerm, NewAccountLimit


class NotTakenDown(Conflict):
    code, title = "not_taken_down", _("Only a photo of a post that is taken down can be banned.")


class NothingToCompare(Conflict):
    code, title = "nothing_to_compare", _("This photo has no hash. It is too uniform, or older than the hashes.")


def _require(by: User, reason: str) -> None:
    """Raises SeniorModeratorRequired, Invalid."""
    require_may_change_rules(by)
    require_reason(reason)


def find_medium(medium_id: UUID) -> Media | None:
    medium: Media | None = Media.objects.filter(pk=medium_id).first()
    return medium


@transaction.atomic
def ban_image(media: Media, *, by: User, reason: str) -> BlockedImage:
    """Refuse or report uploads that look like this photo. Idempotent.

    Raises SeniorModeratorRequired, Invalid, NotTakenDown, NothingToCompare.
    """
    _require(by, reason)
    post = Post.objects.filter(items__medium=media).exclude(taken_down_at=None).first()
    if post is None:
        raise NotTakenDown
    if media.image_hash is None:
        raise NothingToCompare
    takedown = in_force(ModerationAction.Action.TAKEDOWN, TargetType.POST, post.pk)
    ban, new = rules.block_image(
        media.image_hash,
        medium_id=media.pk,
        category=takedown.category if takedown else Category.OTHER,
        reason=reason,
    )
    if new:
        record_staff_act(
            "ban_image", ban, by=by.pk, reason=reason, medium=str(media.pk), post=str(post.pk), hash=ban.image_hash
        )
    return ban


@transaction.atomic
def lift_ban(ban: BlockedImage, *, by: User, reason: str) -> bool:
    """Lift the ban of an image. Returns whether it was banned. Raises SeniorModeratorRequired, Invalid."""
    _require(by, reason)
    lifted = rules.lift_image(ban)
    if lifted:
        record_staff_act("lift_image_ban", lifted, by=by.pk, reason=reason, hash=lifted.image_hash)
    return bool(lifted)


# ── Words and domains ────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def block_term(*, kind: str, text: str, effect: str, by: User, reason: str) -> BlockedTerm:
    """Refuse or report texts that contain the term. Raises SeniorModeratorRequired, Invalid, AlreadyBlocked."""
    _require(by, reason)
    term = rules.block_term(kind=kind, text=text, effect=effect, reason=reason)
    record_staff_act("block_term", term, by=by.pk, reason=reason, kind=kind, text=term.text, effect=effect)
    return term


@transaction.atomic
def change_term(term: BlockedTerm, *, effect: str, by: User, reason: str) -> bool:
    """Change the effect of a term between refusing and reporting. Returns whether it changed.

    Raises SeniorModeratorRequired, Invalid, NotFound.
    """
    _require(by, reason)
    former = rules.change_term(term, effect=effect)
    if former:
        record_staff_act("change_term", term, by=by.pk, reason=reason, text=term.text, effect=[former, effect])
    return bool(former)


@transaction.atomic
def lift_term(term: BlockedTerm, *, by: User, reason: str) -> bool:
    """Unblock a term. Returns whether it was blocked. Raises SeniorModeratorRequired, Invalid."""
    _require(by, reason)
    lifted = rules.lift_term(term)
    if lifted:
        record_staff_act("lift_term", lifted, by=by.pk, reason=reason, kind=lifted.kind, text=lifted.text)
    return bool(lifted)


# ── New accounts ─────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def set_limit(limit: NewAccountLimit, *, most: int, hours: int, enabled: bool, by: User, reason: str) -> bool:
    """Limit how often a day an account younger than `hours` may do the action. Returns whether the limit changed.

    Raises SeniorModeratorRequired, Invalid, NotFound.
    """
    _require(by, reason)
    changed = rules.set_limit(limit.action, most=most, hours=hours, enabled=enabled)
    if changed:
        record_staff_act("set_new_account_limit", limit, by=by.pk, reason=reason, **changed)
    return bool(changed)


# ── Automatic reports ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def flag_by_system(row: User | Post | Comment, *, category: str, note: str) -> tuple[Flag, bool]:
    """Report the row without a reporter. Returns the report and whether it is new: an open report with the same note is
    returned again."""
    target = Target.of(row)
    lock_target(target.id)
    made, first = Flag.objects.get_or_create(
        reporter=None,
        target_type=target.type,
        target_id=target.id,
        status=Flag.Status.OPEN,
        note=note,
        defaults={"subject_id": target.person_id, "category": category},
    )
    if first:
        flag_made.publish(flag_id=str(made.pk))
    return made, first


def flag_banned_image(post_id: UUID) -> None:
    """Report a post with a banned image that was not refused. Does nothing if the post or the ban was deleted."""
    post = Post.objects.filter(pk=post_id).first()
    shown = Media.objects.filter(item__post=post_id, blocked_as__isnull=False).values("blocked_as")
    ban = BlockedImage.objects.filter(pk__in=shown).order_by("pk").first()
    if post and ban:
        flag_by_system(post, category=ban.category, note=f"Looks like a banned image ({ban.pk}).")


def flag_blocked_text(target_type: str, target_id: UUID, term_id: UUID) -> None:
    """Report a text with a blocked term that was not refused. Does nothing if the row or the term was deleted."""
    written: dict[str, type[User] | type[Post] | type[Comment]]
    written = {TargetType.USER: User, TargetType.POST: Post, TargetType.COMMENT: Comment}
    row = written[target_type].objects.filter(pk=target_id).first()
    term = BlockedTerm.objects.filter(pk=term_id).first()
    if row is None or term is None:
        return
    with suppress(NotFound):  # a comment that its author has removed
        flag_by_system(row, category=Category.SPAM, note=f"Contains a blocked term: {term.text}")
