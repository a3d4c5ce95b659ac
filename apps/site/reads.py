"""What pages, mails and responses read of the site. Each list is read again by each process after a few seconds."""

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import Error
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import get_language

from apps.core.timed_cache import TimedCache
from apps.site.models import Announcement, DocumentVersion, Logo, RuleVersion, SiteSettings

T = TypeVar("T")


def translate(texts: Mapping[str, T]) -> T:
    """The text in the active language, else in the language of the site, else in any."""
    language = get_language() or settings.SITE_LANGUAGE
    for code in (language, language.partition("-")[0], settings.SITE_LANGUAGE):
        if code in texts:
            return texts[code]
    return next(iter(texts.values()))


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────
def _load() -> SiteSettings:
    return _fill(SiteSettings.objects.first() or SiteSettings())


def _fill(row: SiteSettings) -> SiteSettings:
    """Set what is empty to the settings of the environment."""
    row.name = row.name or settings.SITE_NAME
    row.description = row.description or settings.SITE_DESCRIPTION
    row.contact = row.contact or settings.SITE_CONTACT
    if row.confirmed_address_required is None:
        row.confirmed_address_required = settings.REQUIRE_CONFIRMED_EMAIL
    return row


in_force = TimedCache(_load)


def current() -> SiteSettings:
    """The settings of the site, at most 10 s old; do not change the returned object. No query on most calls.

    Without the database, the last known settings or the defaults.
    """
    try:
        return in_force.get()
    except Error:
        return last_known()


def last_known() -> SiteSettings:
    """As `current`, but of any age and never with a query: for error pages."""
    return in_force.peek() or _fill(SiteSettings())


def logo_image(logo_id: UUID) -> bytes | None:
    """The logo as a PNG, if it is the present one."""
    image = Logo.objects.filter(pk=logo_id).values_list("image", flat=True).first()
    return bytes(image) if image else None


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
def _load_rules() -> list[RuleVersion]:
    versions = RuleVersion.objects.filter(rule__withdrawn_at=None).select_related("rule")
    return list(versions.order_by("rule__position", "rule_id", "-number").distinct("rule__position", "rule_id"))


_rules = TimedCache(_load_rules)


def rules() -> list[RuleVersion]:
    """The newest version of each rule in force, in their order."""
    return _rules.get()


# ── Terms and privacy policy ─────────────────────────────────────────────────────────────────────────────
def _load_documents() -> list[DocumentVersion]:
    # Without the texts, which may be long and which few pages show.
    return list(DocumentVersion.objects.defer("texts").order_by("kind", "effective_at"))


_documents = TimedCache(_load_documents)


def documents_in_effect(at: datetime | None = None) -> dict[str, DocumentVersion]:
    """{kind: version} of the documents in effect now, or at a time. Without their texts, which are read if used."""
    now = at or timezone.now()
    return {version.kind: version for version in _documents.get() if version.effective_at <= now}


def upcoming_document(kind: str) -> DocumentVersion | None:
    """The next version, which is published but not in effect."""
    now = timezone.now()
    return next((each for each in _documents.get() if each.kind == kind and each.effective_at > now), None)


def document(kind: str, number: int) -> DocumentVersion | None:
    """A published version, also a former or an upcoming one."""
    return next((each for each in _documents.get() if (each.kind, each.number) == (kind, number)), None)


# ── Announcements ────────────────────────────────────────────────────────────────────────────────────────
def _load_announcements() -> list[Announcement]:
    return list(
        Announcement.objects.filter(Q(ends_at=None) | Q(ends_at__gt=timezone.now())).order_by("starts_at", "id")
    )


_announcements = TimedCache(_load_announcements)


def announcements() -> list[Announcement]:
    """Those that are shown now, oldest first."""
    now = timezone.now()
    return [
        each for each in _announcements.get() if each.starts_at <= now and (each.ends_at is None or each.ends_at > now)
    ]


def clear() -> None:
    """Read everything again at the next use. Other processes do so after at most 10 s."""
    for cache in (in_force, _rules, _documents, _announcements):
        cache.clear()
