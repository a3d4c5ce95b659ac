"""The verbs that change what may not be published, and the report that the system makes of what slipped through.

Each verb is noted in the trail in its transaction.
"""

from uuid import UUID

from django.db import transaction

from apps.accounts.models import User
from apps.content.models import Post
from apps.core.errors import Conflict, Invalid
from apps.media.models import Media
from apps.moderation import trail
from apps.moderation.decisions import Target, in_force, one_at_a_time
from apps.moderation.facts import flag_made
from apps.moderation.models import Category, Flag, TargetType
from apps.moderation.roles import require_may_change_rules
from apps.safety.models import BlockedImage


class NotTakenDown(Conflict):
    code, title = "not_taken_down", "Only a photo of a post that is taken down can be banned."


class NothingToCompare(Conflict):
    code, title = "nothing_to_compare", "That photo has no hash: too plain, or made before hashes were kept."


def _require(by: User, reason: str) -> None:
    """Raises SeniorModeratorRequired, Invalid."""
    require_may_change_rules(by)
    if not reason.strip():
        raise Invalid(reason=("blank", "Say why."))


@transaction.atomic
def ban_image(media: Media, *, by: User, reason: str) -> BlockedImage:
    """From now on an upload that looks like this photo is refused, or flagged. Banning it twice is once.

    Raises SeniorModeratorRequired, Invalid, NotTakenDown, NothingToCompare.
    """
    _require(by, reason)
    post = Post.objects.filter(items__medium=media).exclude(taken_down_at=None).first()
    if post is None:
        raise NotTakenDown
    if media.image_hash is None:
        raise NothingToCompare
    takedown = in_force(TargetType.POST, post.pk)
    ban, new = BlockedImage.objects.get_or_create(
        image_hash=media.image_hash,
        defaults={
            "category": takedown.category if takedown else Category.OTHER,
            "reason": reason,
            "medium_id": media.pk,
        },
    )
    if new:
        trail.note(
            "ban_image", ban, by=by.pk, reason=reason, medium=str(media.pk), post=str(post.pk), hash=ban.image_hash
        )
    return ban


@transaction.atomic
def lift_ban(ban: BlockedImage, *, by: User, reason: str) -> bool:
    """The picture may be published again. True if it was banned. Raises SeniorModeratorRequired, Invalid."""
    _require(by, reason)
    locked = BlockedImage.objects.select_for_update().filter(pk=ban.pk).first()
    if locked is None:
        return False
    trail.note("lift_image_ban", locked, by=by.pk, reason=reason, hash=locked.image_hash)
    locked.delete()
    return True


# ── What slipped through ─────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def flag_by_system(row: User | Post, *, category: str, note: str) -> tuple[Flag, bool]:
    """Into the queue, by nobody. While it is open, the same note on the same target is that same flag."""
    target = Target.of(row)
    one_at_a_time(target.id)
    made, first = Flag.objects.get_or_create(
        reporter=None,
        target_type=target.type,
        target_id=target.id,
        status=Flag.Status.OPEN,
        note=note,
        defaults={"subject_id": target.person_id, "category": category},
    )
    if first:
        flag_made.tell(flag_id=str(made.pk))
    return made, first


def flag_banned_image(post_id: UUID) -> None:
    """A post shows a banned picture, which was let through. Nothing, once either is gone."""
    post = Post.objects.filter(pk=post_id).first()
    shown = Media.objects.filter(item__post=post_id, blocked_as__isnull=False).values("blocked_as")
    ban = BlockedImage.objects.filter(pk__in=shown).order_by("pk").first()
    if post and ban:
        flag_by_system(post, category=ban.category, note=f"Looks like a banned picture ({ban.pk}).")
