"""Staff acts are recorded and append-only."""

import pytest
from django.db import IntegrityError, connection, transaction

from apps.moderation.audit.records import record_staff_act
from apps.moderation.models import StaffAct

pytestmark = pytest.mark.django_db


def run(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def act(mod, alice):
    return record_staff_act("read_sessions", alice, by=mod.pk, reason="A stolen account.", sessions=2)


def test_staff_act_has_actor_subject_and_time(act, mod, alice):
    kept = StaffAct.objects.get()
    assert (kept.actor, kept.act, kept.reason, kept.detail) == (
        mod,
        "read_sessions",
        "A stolen account.",
        {"sessions": 2},
    )
    assert (kept.subject_type, kept.subject_id) == ("accounts.User", str(alice.pk))
    assert kept.created_at.timestamp() == pytest.approx(int(kept.pk.hex[:12], 16) / 1000, abs=0.001)


@pytest.mark.promise("O1")
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE moderation_staffact SET reason = ''",
        "DELETE FROM moderation_staffact",
        "SET LOCAL session_replication_role = replica; DELETE FROM moderation_staffact",
    ],
)
def test_staff_act_cannot_be_changed(act, sql):
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run(sql)
    assert StaffAct.objects.count() == 1


@pytest.mark.promise("O1")
def test_staff_acts_cannot_be_truncated(act):
    # Off in tests, which empty all tables (see conftest.py).
    run("ALTER TABLE moderation_staffact ENABLE ALWAYS TRIGGER staff_acts_are_never_emptied")
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run("TRUNCATE moderation_staffact")
    assert StaffAct.objects.count() == 1
