"""Querysets composed once."""

import pytest
from django.db import OperationalError, ProgrammingError, connection, transaction

from apps.content.models import Post
from apps.core.db.ids import new_id
from apps.core.db.statements import Sight, array_of, select
from tests.factories import make_post


@pytest.mark.django_db
def test_a_sight_is_composed_once_for_somebody_and_once_for_nobody(alice, bob):
    composed = []

    def compose(viewer, author):
        composed.append(viewer)
        return Post.objects.visible_to(viewer).written_by(author).values("pk")

    sight = Sight(compose, "author")
    post = make_post(alice, visibility="followers", photos=0)
    for viewer, seen in [(bob.pk, [(post.pk,)]), (None, []), (new_id(), []), (None, [])]:
        assert select(sight.sql(viewer), viewer=viewer, author=alice.pk) == seen
    assert len(composed) == 2
    assert composed[1] is None


@pytest.mark.django_db
def test_names_become_numbers_and_a_percent_sign_stays():
    sql = "SELECT %(b)s::int, %(a)s::text, %(b)s::int, 'a' LIKE '%%a', %(ids)s::uuid[]"
    ids = [new_id(), new_id()]
    assert select(sql, a="x", b=1, ids=array_of(ids), unused=None) == [(1, "x", 1, True, ids)]
    assert select("SELECT %(ids)s::uuid[]", ids=array_of([])) == [([],)]


@pytest.fixture
def size():
    return 1


@pytest.fixture
def pool(transactional_db, size):
    """Of so many sessions, on the default connection, as processes have a pool outside tests."""
    connection.close()
    options = connection.settings_dict["OPTIONS"]
    options["pool"] = {"min_size": size, "max_size": size, "timeout": 0.2}
    try:
        yield connection.pool
    finally:
        connection.close()
        connection.close_pool()
        options.pop("pool")


SESSION = "SELECT pg_backend_pid()"


def test_a_statement_by_itself_borrows_a_session_of_the_pool_and_gives_it_back(pool):
    ((first,),) = select(SESSION)
    assert connection.connection is None
    with pool.connection() as other:
        assert other.info.backend_pid == first
    with pytest.raises(ProgrammingError):
        select("SELECT no_such_column")
    assert select(SESSION) == [(first,)]


@pytest.mark.parametrize("size", [3])
def test_the_session_that_came_back_last_is_given_away_next(pool):
    pool.open(wait=True)
    sessions = [pool.getconn() for _ in range(3)]
    for session in sessions:
        pool.putconn(session)
    for _ in range(3):
        assert select(SESSION) == [(sessions[-1].info.backend_pid,)]
    with pool.connection() as last, pool.connection() as before:
        assert [last, before] == [sessions[2], sessions[1]]


def test_a_statement_within_a_transaction_sees_what_that_has_written(pool):
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE mine ON COMMIT DROP AS SELECT 7 AS number")
        assert select("SELECT number FROM mine") == [(7,)]


def test_a_statement_that_gets_no_session_fails_as_one_that_django_sends(pool):
    pool.open()
    with pool.connection(), pytest.raises(OperationalError):
        select(SESSION)
    assert len(select(SESSION)) == 1
