import sys
from importlib import import_module

import pytest
from django.apps import AppConfig
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from apps.core import checks, text
from apps.core.db.ids import new_id, parse_id
from apps.core.events import DomainEvent
from apps.core.models import QueuedTask
from apps.core.privacy import ContextConfig, NoUserDataConfig
from apps.core.tasks import outbox
from apps.core.tasks.jobs import probe


def test_ids_are_version_7_and_sort_by_time():
    ids = [new_id() for _ in range(1000)]
    assert {pk.version for pk in ids} == {7}
    assert ids == sorted(ids)


@given(st.text(max_size=40))
def test_only_canonical_uuids_are_accepted(spelled):
    assert parse_id(spelled) is None or str(parse_id(spelled)) == spelled


@given(st.text())
def test_cleaning_text_is_idempotent(typed):
    try:
        once = text.clean(typed)
    except text.ForbiddenCharacters:
        return
    assert text.clean(once) == once
    assert "\0" not in once


@pytest.mark.django_db(transaction=True)
def test_event_is_published_in_a_transaction_with_exactly_its_fields():
    fact, heard = DomainEvent("something", "thing_id"), []
    fact.receiver(lambda **ids: heard.append(ids))
    with pytest.raises(RuntimeError):
        fact.publish(thing_id=1)
    with transaction.atomic():
        fact.publish(thing_id=1)
        with pytest.raises(TypeError):
            fact.publish(other=1)
    assert heard == [{"thing_id": 1}]


@pytest.mark.django_db
def test_tasks_of_a_batch_are_written_by_one_statement(django_assert_num_queries):
    with django_assert_num_queries(1), outbox.batch():
        with outbox.batch():
            probe.delay(queue="a")
        probe.delay(queue="b")
    assert list(QueuedTask.objects.order_by("id").values_list("kwargs", flat=True)) == [{"queue": "a"}, {"queue": "b"}]


@pytest.mark.parametrize(
    ("name", "kind", "defined", "faults"),
    [
        ("apps.pictures", NoUserDataConfig, [], []),
        ("apps.pictures", ContextConfig, ["erase", "export"], []),
        ("apps.pictures", AppConfig, [], [("photogram.E001", "The AppConfig of apps.pictures is no ContextConfig.")]),
        (
            "apps.pictures",
            ContextConfig,
            ["erase"],
            [("photogram.E002", "apps.pictures.privacy does not define export.")],
        ),
        (
            "apps.pictures",
            ContextConfig,
            [],
            [
                ("photogram.E002", "apps.pictures.privacy does not define erase."),
                ("photogram.E002", "apps.pictures.privacy does not define export."),
            ],
        ),
        # core stores no user data of its own, and the apps of packages are not ours.
        ("apps.core", AppConfig, [], []),
        ("django.contrib.auth", AppConfig, [], []),
    ],
)
def test_app_without_erasure_and_export_is_refused(monkeypatch, tmp_path, name, kind, defined, faults):
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("pictures_app", "pictures_app.privacy"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    package = tmp_path / "pictures_app"
    package.mkdir()
    (package / "__init__.py").touch()
    if defined:
        (package / "privacy.py").write_text("".join(f"def {function}(user_id): ...\n" for function in defined))
    config = kind(name, import_module("pictures_app"))
    monkeypatch.setattr(checks.apps, "get_app_configs", lambda: [config])
    found = checks.check_privacy_of_apps()
    assert [(fault.id, fault.msg) for fault in found] == faults
