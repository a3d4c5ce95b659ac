"""Checks texts for blocked words and domains."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _

from apps.core.errors import Unprocessable
from apps.core.timed_cache import TimedCache
from apps.safety.models import BlockedTerm
from apps.safety.texts import Term, Terms


class BlockedText(Unprocessable):
    """The response does not name the word, because the author would only spell it differently."""

    code, title = "blocked_text", _("That text contains something that may not be written here.")


def _load() -> Terms:
    rows = BlockedTerm.objects.values_list("pk", "comparable", "kind", "effect")
    return Terms.of(
        Term(pk, text, kind == BlockedTerm.Kind.DOMAIN, effect == BlockedTerm.Effect.REFUSE)
        for pk, text, kind, effect in rows
    )


in_force = TimedCache(_load)


def are_any() -> bool:
    terms = in_force.get()
    return bool(terms.words or terms.domains)


def is_clean(text: str) -> bool:
    """Whether `text` contains no blocked term."""
    return not in_force.get().found_in(text)


def screen(**texts: str) -> list[UUID]:
    """Check the fields `texts` before they are saved. Returns the terms for which the object is to be reported.

    Raises BlockedText, which names the fields that contain a refused term.
    """
    terms = in_force.get()
    found = {field: terms.found_in(text) for field, text in texts.items()}
    if refused := [field for field, hits in found.items() if any(hit.refused for hit in hits)]:
        raise BlockedText(
            errors=[{"field": field, "code": BlockedText.code, "message": str(BlockedText.title)} for field in refused]
        )
    return list(dict.fromkeys(hit.id for hits in found.values() for hit in hits))
