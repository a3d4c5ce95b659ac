"""A browser of a moderator, and cases."""

from typing import Any

from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.cases.decisions import Target
from apps.moderation.models import Flag
from tests.factories import PASSWORD, UserFactory

QUEUE = reverse("admin:moderation_flag_queue")
SWEEP = reverse("admin:moderation_flag_sweep")
BECAUSE = {"reason": "Sells watches.", "category": "spam"}


def browser(person: User) -> Client:
    client = Client()
    assert client.login(username=person.handle, password=PASSWORD)
    return client


def report(row: User | Post | Comment, *, by: User | None = None, category: str = "spam", note: str = "") -> Flag:
    return services.flag(row, by=(by or UserFactory()).pk, category=category, note=note)[0]


def earlier_reports(reporter: User, *, resolved: int = 0, dismissed: int = 0) -> None:
    """Closed reports by the reporter about another user."""
    subject, now = UserFactory(), "2026-01-01T00:00:00Z"
    Flag.objects.bulk_create(
        Flag(
            reporter=reporter,
            target_type="user",
            target_id=subject.pk,
            subject=subject,
            category="spam",
            status=status,
            resolved_at=now,
        )
        for status, count in (("resolved", resolved), ("dismissed", dismissed))
        for _ in range(count)
    )


def case_of(row: User | Post | Comment) -> str:
    target = Target.of(row)
    return reverse("admin:moderation_flag_case", args=[target.type, target.id])


def path_of(row: User | Post | Comment) -> str:
    target = Target.of(row)
    return f"{target.type}/{target.id}"


def decide(client: Client, row: Any, decision: str, *, step: str = "confirm", reported: int = 1, **fields: Any) -> Any:
    form = {"decision": decision, "step": step, "reported": reported, **BECAUSE, "duration": "7"} | fields
    return client.post(case_of(row), form)


def messages_of(answer: Any) -> str:
    """The messages that the next page shows."""
    return " ".join(str(message) for message in answer.wsgi_request._messages)
