"""Mails to moderators about new reports and appeals.

Each moderator chooses the console only, or a mail at once, once an hour or once a day. A mail has numbers, categories
and ages; no content and no names, because a report may be about a private post.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Count
from django.urls import reverse
from django.utils import timezone

from apps.accounts.models import User
from apps.core import mail
from apps.moderation.models import Appeal, Category, Digest, Flag

log = structlog.get_logger(__name__)
Frequency = Digest.Frequency
PERIODS = {
    # The job runs once a minute.
    Frequency.IMMEDIATELY: timedelta(0),
    Frequency.HOURLY: timedelta(hours=1),
    Frequency.DAILY: timedelta(days=1),
}
# Transactions that are younger may not have committed yet.
LAG = timedelta(seconds=10)
# After a mail that could not be sent.
RETRY = timedelta(minutes=5)
UNSUBSCRIBE_SALT = "photogram.moderation.digest"


# ── The link that ends the mails ─────────────────────────────────────────────────────────────────────────
def unsubscribe_token(moderator_id: UUID) -> str:
    return signing.dumps(str(moderator_id), salt=UNSUBSCRIBE_SALT)


# ── The mails ────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class News:
    """New open reports and appeals that a moderator may decide."""

    reports: dict[str, int]  # by category
    appeals: int
    oldest: datetime | None

    @property
    def number_of_reports(self) -> int:
        return sum(self.reports.values())

    @property
    def is_empty(self) -> bool:
        return not (self.reports or self.appeals)


def send_due() -> int:
    """Send the digests that are due. Returns how many mails were sent. A queue without anything new sends none."""
    due = Digest.objects.filter(next_attempt_at__lte=timezone.now()).order_by("next_attempt_at")
    return sum(_send(pk) for pk in list(due.values_list("pk", flat=True)))


@transaction.atomic
def _send(moderator_id: UUID) -> bool:
    """The row is locked until the mail is sent, so that two workers do not send it."""
    now = timezone.now()
    rows = Digest.objects.select_for_update(skip_locked=True, of=("self",)).select_related("moderator")
    digest = rows.filter(pk=moderator_id, next_attempt_at__lte=now).first()
    if digest is None:
        return False
    if not _may_receive(digest.moderator):
        digest.frequency, digest.next_attempt_at = Frequency.NEVER, None
        digest.save(update_fields=["frequency", "next_attempt_at"])
        return False
    until = max(now - LAG, digest.announced_until)
    news = find_news(digest, until=until)
    try:
        if not news.is_empty:
            _mail(digest, news)
    except (OSError, SMTPException) as error:
        log.warning("digest_not_mailed", moderator_id=str(moderator_id), error=str(error))
        digest.next_attempt_at = now + RETRY
        digest.save(update_fields=["next_attempt_at"])
        return False
    digest.announced_until, digest.next_attempt_at = until, now + PERIODS[Frequency(digest.frequency)]
    digest.save(update_fields=["announced_until", "next_attempt_at"])
    return not news.is_empty


def _may_receive(moderator: User) -> bool:
    return moderator.is_active and moderator.is_staff and moderator.is_moderator


def find_news(digest: Digest, *, until: datetime) -> News:
    """What arrived since the last mail, is still open, and is for this moderator to decide."""
    me, period = digest.moderator_id, {"created_at__gt": digest.announced_until, "created_at__lte": until}
    flags: Any = Flag.objects.open().filter(**period).exclude(subject=me)
    appeals = Appeal.objects.decidable_by(me).filter(**period)
    reports = dict(flags.order_by().values_list("category").annotate(number=Count("pk"))) if digest.reports else {}
    times = [
        rows.order_by("id").values_list("created_at", flat=True).first()
        for rows, wanted in ((flags, digest.reports), (appeals, digest.appeals))
        if wanted
    ]
    return News(
        reports=dict(sorted(reports.items(), key=lambda item: (-item[1], item[0]))),
        appeals=appeals.count() if digest.appeals else 0,
        oldest=min(filter(None, times), default=None),
    )


def _mail(digest: Digest, news: News) -> None:
    console = settings.PUBLIC_URL
    stop = f"{console}{reverse('web:stop_digest')}?token={unsubscribe_token(digest.moderator_id)}"
    names = dict(Category.choices)
    context = {
        "name": digest.moderator.greeting_name,
        "reports": [(names[category], number) for category, number in news.reports.items()],
        "number_of_reports": news.number_of_reports,
        "appeals": news.appeals,
        "oldest": news.oldest,
        "queue": f"{console}{reverse('admin:moderation_flag_queue')}",
        "appeals_page": f"{console}{reverse('admin:moderation_appeals')}",
        "settings_page": f"{console}{reverse('admin:moderation_digest')}",
        "unsubscribe": stop,
    }
    mail.send(
        to=digest.moderator.email,
        locale=digest.moderator.locale,
        template="moderation-digest",
        context=context,
        about=f"{digest.moderator_id}-{digest.announced_until:%Y%m%d%H%M%S%f}",
        headers={"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
    )
