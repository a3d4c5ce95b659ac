import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.core import text
from apps.core.facts import Fact
from apps.core.ids import new_id, parse_id


def test_ids_are_version_7_and_sort_by_time():
    ids = [new_id() for _ in range(1000)]
    assert {pk.version for pk in ids} == {7}
    assert ids == sorted(ids)


@given(st.text(max_size=40))
def test_only_canonical_ids_are_ids(spelled):
    assert parse_id(spelled) is None or str(parse_id(spelled)) == spelled


@given(st.text())
def test_cleaning_twice_is_cleaning_once(typed):
    try:
        once = text.clean(typed)
    except text.ForbiddenCharacters:
        return
    assert text.clean(once) == once
    assert "\0" not in once


@pytest.mark.django_db(transaction=True)
def test_a_fact_is_told_inside_a_transaction_with_just_its_fields():
    fact, heard = Fact("something", "thing_id"), []
    fact.receiver(lambda **ids: heard.append(ids))
    with pytest.raises(RuntimeError):
        fact.tell(thing_id=1)
    with transaction.atomic():
        fact.tell(thing_id=1)
        with pytest.raises(TypeError):
            fact.tell(other=1)
    assert heard == [{"thing_id": 1}]
