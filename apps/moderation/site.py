"""Changes of what the operator sets for the whole site, by admins. Each is recorded as a staff act."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model

from apps.accounts.models import User
from apps.moderation.audit.records import record_staff_act
from apps.moderation.permissions import require_admin
from apps.site import services
from apps.site.logos import make_logo
from apps.site.models import Announcement, DocumentVersion, Rule, RuleVersion, SiteSettings
from apps.site.services import Texts


def _record(act: str, subject: Model, *, by: User, reason: str, **detail: Any) -> None:
    record_staff_act(act, subject, by=by.pk, reason=reason, **_as_json(detail))


def _as_json(value: Any) -> Any:
    match value:
        case dict():
            return {name: _as_json(each) for name, each in value.items()}
        case list():
            return [_as_json(each) for each in value]
        case datetime():
            return value.isoformat()
    return value


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def change_settings(*, by: User, reason: str = "", **values: Any) -> bool:
    """Set fields of SiteSettings. Returns whether any changed. Raises AdminRequired, Invalid."""
    require_admin(by)
    changed = services.change_settings(**values)
    if changed:
        _record("change_site_settings", SiteSettings(), by=by, reason=reason, **changed)
    return bool(changed)


@transaction.atomic
def set_logo(uploaded: bytes | None, *, by: User, reason: str = "") -> None:
    """Replace the logo by a square PNG, or remove it. Raises AdminRequired, Invalid."""
    require_admin(by)
    logo = services.set_logo(make_logo(uploaded) if uploaded else None)
    _record("set_logo" if logo else "remove_logo", SiteSettings(), by=by, reason=reason)


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def add_rule(*, texts: Texts, by: User, reason: str) -> RuleVersion:
    """Add a rule after all others. Raises AdminRequired, Invalid."""
    require_admin(by)
    version = services.add_rule(texts)
    _record("add_rule", version.rule, by=by, reason=reason, texts=version.texts)
    return version


@transaction.atomic
def change_rule(rule: Rule, *, texts: Texts, position: int, by: User, reason: str) -> bool:
    """Reword or move a rule. Returns whether anything changed. Raises AdminRequired, Invalid."""
    require_admin(by)
    changed = services.change_rule(rule, texts=texts, position=position)
    if changed:
        _record("change_rule", rule, by=by, reason=reason, **changed)
    return bool(changed)


@transaction.atomic
def withdraw_rule(rule: Rule, *, by: User, reason: str) -> bool:
    """Take a rule out of the list. Returns whether it was in the list. Raises AdminRequired."""
    require_admin(by)
    withdrawn = services.withdraw_rule(rule)
    if withdrawn:
        _record("withdraw_rule", rule, by=by, reason=reason)
    return withdrawn


# ── Terms and privacy policy ─────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def publish_document(
    *, kind: str, texts: Texts, effective_at: datetime | None, by: User, reason: str
) -> DocumentVersion:
    """Publish the next version of a document. Raises AdminRequired, Invalid."""
    require_admin(by)
    version = services.publish_document(kind, texts=texts, effective_at=effective_at)
    _record(
        "publish_document",
        version,
        by=by,
        reason=reason,
        kind=kind,
        number=version.number,
        effective_at=version.effective_at,
    )
    return version


@transaction.atomic
def change_document(version: DocumentVersion, *, texts: Texts, by: User, reason: str) -> bool:
    """Reword a version that is not in effect. Raises AdminRequired, DocumentInEffect, Invalid."""
    require_admin(by)
    changed = services.change_document(version, texts=texts)
    if changed:
        _record("change_document", version, by=by, reason=reason, kind=version.kind, number=version.number)
    return bool(changed)


@transaction.atomic
def withdraw_document(version: DocumentVersion, *, by: User, reason: str) -> bool:
    """Delete a version that is not in effect. Raises AdminRequired, DocumentInEffect."""
    require_admin(by)
    _record("withdraw_document", version, by=by, reason=reason, kind=version.kind, number=version.number)
    services.withdraw_document(version)
    return True


# ── Announcements ────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def save_announcement(
    announcement: Announcement | None,
    *,
    texts: Texts,
    starts_at: datetime | None,
    ends_at: datetime | None,
    by: User,
    reason: str,
) -> Announcement:
    """Add (None) or change an announcement. Raises AdminRequired, Invalid."""
    require_admin(by)
    saved, changed = services.save_announcement(announcement, texts=texts, starts_at=starts_at, ends_at=ends_at)
    if changed:
        act = "change_announcement" if announcement else "add_announcement"
        _record(act, saved, by=by, reason=reason, **changed)
    return saved


@transaction.atomic
def remove_announcement(announcement: Announcement, *, by: User, reason: str) -> bool:
    """Returns whether it was there. Raises AdminRequired."""
    require_admin(by)
    _record("remove_announcement", announcement, by=by, reason=reason, texts=announcement.texts)
    return services.remove_announcement(announcement)
