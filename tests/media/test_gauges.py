"""The metrics of media read indexes, however large the tables are."""

import pytest
from django.db import connection

from apps.media import gauges
from apps.media.models import PendingDeletion

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "rows",
    [
        *(gauges._waiting(status)[:1000] for status in gauges.STATUSES),
        PendingDeletion.objects.order_by("id")[:1],
    ],
    ids=[*gauges.STATUSES, "oldest deletion"],
)
def test_waiting_rows_are_found_by_an_index(rows):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = rows.explain()
    assert "Index" in plan
    assert "Seq Scan" not in plan
