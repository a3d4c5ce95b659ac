"""How a moderator learns of new reports and appeals. `digests.py` sends the mails."""

from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import InvalidLink
from apps.moderation.digests import PERIODS, UNSUBSCRIBE_SALT
from apps.moderation.models import Digest
from apps.moderation.services import require_moderator

Frequency = Digest.Frequency
# Of the link in the mails.
UNSUBSCRIBE_LIFETIME = timedelta(days=184)


def get_digest(moderator: User) -> Digest:
    """The setting of a moderator; without a saved one, the default. Raises ModeratorRequired."""
    require_moderator(moderator)
    saved: Digest | None = Digest.objects.filter(moderator=moderator.pk).first()
    return saved or Digest(moderator_id=moderator.pk, announced_until=timezone.now())


@transaction.atomic
def configure_digest(
    moderator: User, *, frequency: str | None = None, reports: bool | None = None, appeals: bool | None = None
) -> Digest:
    """Change the setting. None: as it is. The first mail is about what arrives from now on.

    Raises ModeratorRequired.
    """
    require_moderator(moderator)
    now = timezone.now()
    digest, _ = Digest.objects.select_for_update().get_or_create(
        moderator_id=moderator.pk, defaults={"announced_until": now}
    )
    if frequency is not None and frequency != digest.frequency:
        if digest.frequency == Frequency.NEVER:
            digest.announced_until = now
        digest.frequency = frequency
        digest.next_attempt_at = None if frequency == Frequency.NEVER else now + PERIODS[Frequency(frequency)]
    digest.reports = digest.reports if reports is None else reports
    digest.appeals = digest.appeals if appeals is None else appeals
    digest.save()
    return digest


def read_unsubscribe_token(token: str) -> UUID:
    """The moderator whose mail had this token. Raises InvalidLink."""
    try:
        return UUID(signing.loads(token, salt=UNSUBSCRIBE_SALT, max_age=UNSUBSCRIBE_LIFETIME))
    except (signing.BadSignature, ValueError) as error:
        raise InvalidLink from error


def end_digest(token: str) -> None:
    """End the mails to the moderator whose mail had this token. Idempotent. Raises InvalidLink."""
    moderator_id = read_unsubscribe_token(token)
    Digest.objects.filter(moderator=moderator_id).update(frequency=Frequency.NEVER, next_attempt_at=None)
