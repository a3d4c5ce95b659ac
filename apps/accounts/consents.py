"""Consents of members to the terms and the privacy policy.

Each consent is a row. The account repeats the number of the newest accepted version of each document, so that pages
know without a query whether to ask.
"""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Consent, User
from apps.accounts.reads import Member
from apps.core.errors import Conflict
from apps.site import reads as site
from apps.site.models import DocumentVersion

# {kind of document: field of the account}
_FIELDS = {"terms": "accepted_terms", "privacy": "accepted_privacy"}


class DocumentOutdated(Conflict):
    code, title = "document_outdated", _("This is not the version in effect. Read the current one first.")


def accepted_number(user: User | Member, kind: str) -> int:
    """The number of the newest version that the member has accepted; 0 for none."""
    return getattr(user, _FIELDS[kind]) or 0


def pending(user: User | Member) -> list[DocumentVersion]:
    """The documents in effect that the member has not accepted. No query on most calls."""
    return [each for kind, each in site.documents_in_effect().items() if accepted_number(user, kind) < each.number]


def given_at(user_id: UUID) -> dict[UUID, datetime]:
    """{id of a version: when the member has accepted it}."""
    given: QuerySet[Consent] = Consent.objects.filter(user=user_id)
    return dict(given.values_list("document_id", "given_at"))


@transaction.atomic
def accept(user_id: UUID, numbers: dict[str, int]) -> None:
    """Record the member's consent to versions in effect: {kind: number}. Idempotent. Raises DocumentOutdated."""
    in_effect = site.documents_in_effect()
    versions = [in_effect[kind] for kind, number in numbers.items() if kind in in_effect]
    if {each.kind: each.number for each in versions} != numbers:
        raise DocumentOutdated
    _record(user_id, versions)


def accept_at_sign_up(user_id: UUID) -> None:
    """Record the consent to the versions in effect, to which everyone consents who signs up."""
    _record(user_id, site.documents_in_effect().values())


def _record(user_id: UUID, versions: Iterable[DocumentVersion]) -> None:
    Consent.objects.bulk_create(
        [Consent(user_id=user_id, document=version) for version in versions], ignore_conflicts=True
    )
    for version in versions:
        field = _FIELDS[version.kind]
        behind = Q(**{field: None}) | Q(**{f"{field}__lt": version.number})
        User.objects.filter(behind, pk=user_id).update(**{field: version.number})
