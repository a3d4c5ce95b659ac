"""Creates and changes the rules. The moderation app checks permissions and records the changes."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.words import comparable
from apps.safety import newcomers, terms
from apps.safety.models import BlockedImage, BlockedTerm, NewAccountLimit
from apps.safety.texts import comparable_domain

MAX_TERM_LENGTH = 100
MAX_LIMIT, MAX_HOURS = 100_000, 24 * 365
# The limits of a new installation: more than people usually do in their first day.
DEFAULTS = {NewAccountLimit.Action.POST: 20, NewAccountLimit.Action.COMMENT: 60, NewAccountLimit.Action.FOLLOW: 100}
DEFAULT_HOURS = 24


class AlreadyBlocked(Conflict):
    code, title = "already_blocked", _("That word or domain is blocked already.")


# ── Images ───────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def block_image(image_hash: str, *, medium_id: UUID, category: str, reason: str) -> tuple[BlockedImage, bool]:
    """Returns the ban and whether it is new."""
    ban, new = BlockedImage.objects.get_or_create(
        image_hash=image_hash, defaults={"category": category, "reason": reason, "medium_id": medium_id}
    )
    return ban, new


@transaction.atomic
def lift_image(ban: BlockedImage) -> BlockedImage | None:
    """Returns the lifted ban, or None if it was lifted before."""
    locked: BlockedImage | None = BlockedImage.objects.select_for_update().filter(pk=ban.pk).first()
    if locked:
        BlockedImage.objects.filter(pk=locked.pk).delete()
    return locked


# ── Words and domains ────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def block_term(*, kind: str, text: str, effect: str, reason: str) -> BlockedTerm:
    """Raises Invalid unless `text` is a word or a domain, AlreadyBlocked."""
    typed = text.strip()
    plain = comparable_domain(typed) if kind == BlockedTerm.Kind.DOMAIN else comparable(typed)
    if not plain or len(typed) > MAX_TERM_LENGTH:
        wanted = _("A domain, such as example.com.") if kind == BlockedTerm.Kind.DOMAIN else _("A word or a phrase.")
        raise Invalid(text=("invalid", wanted))
    term, new = BlockedTerm.objects.get_or_create(
        kind=kind, comparable=plain, defaults={"text": typed, "effect": effect, "reason": reason}
    )
    if not new:
        raise AlreadyBlocked
    terms.in_force.clear()
    return term


@transaction.atomic
def change_term(term: BlockedTerm, *, effect: str) -> str | None:
    """Returns the former effect, or None if nothing changes. Raises NotFound for a lifted term."""
    locked = BlockedTerm.objects.select_for_update().filter(pk=term.pk).first()
    if locked is None:
        raise NotFound
    former = locked.effect
    if former == effect:
        return None
    BlockedTerm.objects.filter(pk=locked.pk).update(effect=effect)
    terms.in_force.clear()
    return former


@transaction.atomic
def lift_term(term: BlockedTerm) -> BlockedTerm | None:
    """Returns the lifted term, or None if it was lifted before."""
    locked: BlockedTerm | None = BlockedTerm.objects.select_for_update().filter(pk=term.pk).first()
    if locked:
        BlockedTerm.objects.filter(pk=locked.pk).delete()
        terms.in_force.clear()
    return locked


# ── New accounts ─────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def set_limit(action: str, *, most: int, hours: int, enabled: bool) -> dict[str, list[Any]]:
    """Returns the changes as {field: [before, after]}. Raises NotFound, Invalid."""
    if not 0 <= most <= MAX_LIMIT:
        raise Invalid(most=("max_value", _("From {least} to {most}.").format(least=0, most=MAX_LIMIT)))
    if not 1 <= hours <= MAX_HOURS:
        raise Invalid(hours=("max_value", _("From {least} to {most}.").format(least=1, most=MAX_HOURS)))
    limit = NewAccountLimit.objects.select_for_update().filter(pk=action).first()
    if limit is None:
        raise NotFound
    wanted = {"most": most, "hours": hours, "enabled": enabled}
    changed = {name: [getattr(limit, name), value] for name, value in wanted.items() if getattr(limit, name) != value}
    if changed:
        NewAccountLimit.objects.filter(pk=action).update(**wanted)
        newcomers.in_force.clear()
    return changed


def ensure_limits(**_: object) -> None:
    """Create the missing rows of NewAccountLimit, one per action."""
    NewAccountLimit.objects.bulk_create(
        [NewAccountLimit(action=action, most=most, hours=DEFAULT_HOURS) for action, most in DEFAULTS.items()],
        ignore_conflicts=True,
    )
    newcomers.in_force.clear()
