"""Changes what the operator sets. The moderation app checks permissions and records the changes.

Texts are dictionaries by language, such as `{"en": {"title": "Be kind", "text": "..."}}`. They need the language of the
site (SITE_LANGUAGE), which replaces languages without a translation.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max, Model
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.db.locks import transaction_lock
from apps.core.errors import Conflict, Invalid, NotFound
from apps.core.text import is_blank
from apps.site import reads
from apps.site.models import Announcement, DocumentVersion, Logo, Rule, RuleVersion, SiteSettings

Texts = Mapping[str, Mapping[str, str]]
MAX_TITLE, MAX_TEXT, MAX_DOCUMENT, MAX_ANNOUNCEMENT = 200, 5_000, 200_000, 500


class DocumentInEffect(Conflict):
    code, title = "document_in_effect", _("This version is in effect or was; publish a new one instead.")


def _changed() -> None:
    """Let this process read the change at once: within the transaction, and after it, because another thread may have
    read the former state in between."""
    reads.clear()
    transaction.on_commit(reads.clear)


def _validate(row: Model) -> None:
    """Raises Invalid for the fields that are not valid."""
    try:
        row.full_clean()
    except ValidationError as error:
        raise Invalid(
            **{name: (errors[0].code or "invalid", errors[0].messages[0]) for name, errors in error.error_dict.items()}
        ) from error


def _clean_texts(texts: Texts, *, required: Mapping[str, int], optional: Mapping[str, int] | None = None) -> Any:
    """The texts without languages that have none. `required` and `optional`: {part: maximum length}.

    Raises Invalid for an unknown language, a part that is missing or too long, and without the site's language.
    """
    lengths = {**required, **(optional or {})}
    filled = {
        language: {part: parts.get(part, "").strip() for part in lengths}
        for language, parts in texts.items()
        if any(not is_blank(text) for text in parts.values())
    }
    if settings.SITE_LANGUAGE not in filled:
        raise Invalid(texts=("required", f"Write the text in the language of the site ({settings.SITE_LANGUAGE})."))
    for language, parts in filled.items():
        if language not in dict(settings.LANGUAGES):
            raise Invalid(texts=("invalid", f"{language} is not a language of the site."))
        for part, text in parts.items():
            if part in required and is_blank(text):
                raise Invalid(texts=("required", f"The {part} is missing in the language {language}."))
            if len(text) > lengths[part]:
                raise Invalid(texts=("max_length", f"The {part} ({language}) is over {lengths[part]} characters."))
    return filled


# ── Settings ─────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def change_settings(**values: Any) -> dict[str, list[Any]]:
    """Set fields of SiteSettings. Returns the changes as {field: [before, after]}. Raises Invalid."""
    SiteSettings.objects.get_or_create(pk=1)
    row = SiteSettings.objects.select_for_update().get(pk=1)
    changed = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    for name, (_before, value) in changed.items():
        setattr(row, name, value)
    _validate(row)
    if changed:
        row.save()
        _changed()
    return changed


@transaction.atomic
def set_logo(image: bytes | None) -> Logo | None:
    """Replace the logo by a square PNG, or remove it."""
    former = list(Logo.objects.values_list("pk", flat=True))
    logo = Logo.objects.create(image=image) if image else None
    SiteSettings.objects.update_or_create(pk=1, defaults={"logo": logo})
    Logo.objects.filter(pk__in=former).delete()
    _changed()
    return logo


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────────────
def _clean_rule(texts: Texts) -> Any:
    return _clean_texts(texts, required={"title": MAX_TITLE}, optional={"text": MAX_TEXT})


@transaction.atomic
def add_rule(texts: Texts) -> RuleVersion:
    """Add a rule after all others. Raises Invalid."""
    last = Rule.objects.aggregate(last=Max("position"))["last"]
    rule = Rule.objects.create(position=0 if last is None else last + 1)
    version = RuleVersion.objects.create(rule=rule, number=1, texts=_clean_rule(texts))
    _changed()
    return version


@transaction.atomic
def change_rule(rule: Rule, *, texts: Texts, position: int) -> dict[str, list[Any]]:
    """Reword or move a rule. Another wording is another version. Returns the changes as {field: [before, after]}.

    Raises Invalid.
    """
    locked = Rule.objects.select_for_update().get(pk=rule.pk)
    newest = locked.versions.latest("number")
    wanted, changed = _clean_rule(texts), {}
    if wanted != newest.texts:
        RuleVersion.objects.create(rule=locked, number=newest.number + 1, texts=wanted)
        changed = {"version": [newest.number, newest.number + 1], "texts": [newest.texts, wanted]}
    if position != locked.position:
        changed["position"] = [locked.position, position]
        locked.position = position
        locked.save(update_fields=["position"])
    if changed:
        _changed()
    return changed


@transaction.atomic
def withdraw_rule(rule: Rule) -> bool:
    """Take a rule out of the list. Reports and decisions still refer to it. Returns whether it was in the list."""
    withdrawn = Rule.objects.filter(pk=rule.pk, withdrawn_at=None).update(withdrawn_at=timezone.now())
    _changed()
    return bool(withdrawn)


# ── Terms and privacy policy ─────────────────────────────────────────────────────────────────────────────
def _clean_document(texts: Texts) -> Any:
    return _clean_texts(texts, required={"text": MAX_DOCUMENT}, optional={"changes": MAX_TEXT})


@transaction.atomic
def publish_document(kind: str, *, texts: Texts, effective_at: datetime | None = None) -> DocumentVersion:
    """Publish the next version of the terms or of the privacy policy, in effect from `effective_at` or at once.

    Raises Invalid for a time in the past, or not after that of the former version.
    """
    transaction_lock(f"site:{kind}")
    now, former = timezone.now(), DocumentVersion.objects.filter(kind=kind).order_by("number").last()
    start = effective_at or now
    if effective_at and effective_at < now:
        raise Invalid(effective_at=("in_the_past", "Must be in the future, or empty: now."))
    if former and former.effective_at >= start:
        raise Invalid(effective_at=("too_early", f"Version {former.number} takes effect at {former.effective_at:%c}."))
    number = former.number + 1 if former else 1
    version = DocumentVersion(kind=kind, number=number, texts=_clean_document(texts), effective_at=start)
    _validate(version)
    version.save()
    _changed()
    return version


@transaction.atomic
def change_document(version: DocumentVersion, *, texts: Texts) -> dict[str, list[Any]]:
    """Reword a version that is not in effect. Returns the changes as {field: [before, after]}.

    Raises DocumentInEffect, Invalid.
    """
    locked = _lock_upcoming(version)
    wanted = _clean_document(texts)
    changed = {"texts": [locked.texts, wanted]} if wanted != locked.texts else {}
    if changed:
        locked.texts = wanted
        locked.save(update_fields=["texts"])
        _changed()
    return changed


@transaction.atomic
def withdraw_document(version: DocumentVersion) -> None:
    """Delete a version that is not in effect. Raises DocumentInEffect."""
    _lock_upcoming(version).delete()
    _changed()


def _lock_upcoming(version: DocumentVersion) -> DocumentVersion:
    transaction_lock(f"site:{version.kind}")
    locked = DocumentVersion.objects.filter(pk=version.pk, effective_at__gt=timezone.now()).first()
    if locked is None:
        raise DocumentInEffect
    return locked


# ── Announcements ────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def save_announcement(
    announcement: Announcement | None, *, texts: Texts, starts_at: datetime | None, ends_at: datetime | None
) -> tuple[Announcement, dict[str, list[Any]]]:
    """Add (None) or change an announcement. Without `starts_at` it is shown at once, without `ends_at` until it is
    removed. Returns it with the changes as {field: [before, after]}. Raises Invalid, NotFound for one that is removed.
    """
    row = _lock_announcement(announcement) if announcement else Announcement(texts={})
    wanted = {
        "texts": _clean_texts(texts, required={"text": MAX_ANNOUNCEMENT}),
        "starts_at": starts_at or row.starts_at or timezone.now(),
        "ends_at": ends_at,
    }
    if ends_at and ends_at <= wanted["starts_at"]:
        raise Invalid(ends_at=("too_early", "Must be after the start."))
    changed = {name: [getattr(row, name), value] for name, value in wanted.items() if getattr(row, name) != value}
    for name, value in wanted.items():
        setattr(row, name, value)
    row.save()
    _changed()
    return row, changed


def _lock_announcement(announcement: Announcement) -> Announcement:
    locked = Announcement.objects.select_for_update().filter(pk=announcement.pk).first()
    if locked is None:
        raise NotFound
    return locked


@transaction.atomic
def remove_announcement(announcement: Announcement) -> bool:
    """Returns whether it was there."""
    deleted, _ = Announcement.objects.filter(pk=announcement.pk).delete()
    _changed()
    return bool(deleted)
