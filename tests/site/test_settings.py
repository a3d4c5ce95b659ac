"""The settings of the site: one row, cached in each process, valid."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.accounts.models import User
from apps.accounts.services import must_confirm_email
from apps.core import timed_cache
from apps.core.errors import Invalid
from apps.site import reads, services
from apps.site.colours import DEFAULT_ACCENT, accent_for_dark_theme, contrast
from apps.site.models import SiteSettings

pytestmark = pytest.mark.django_db


def test_settings_without_a_row_are_the_defaults(settings):
    settings.SITE_NAME, settings.SITE_DESCRIPTION, settings.SITE_CONTACT = "Tide", "Photos.", "tide@example.org"
    for site in (reads.last_known(), reads.current()):
        assert (site.name, site.accent, site.registration) == ("Tide", DEFAULT_ACCENT, "open")
        assert (site.description, site.contact) == ("Photos.", "tide@example.org")


@pytest.mark.parametrize("by_environment", [True, False])
@pytest.mark.parametrize("chosen", [None, True, False])
def test_confirmed_address_is_required_as_the_admins_or_else_the_environment_say(settings, by_environment, chosen):
    settings.REQUIRE_CONFIRMED_EMAIL = by_environment
    services.change_settings(confirmed_address_required=chosen)
    required = by_environment if chosen is None else chosen
    assert must_confirm_email(User(email_verified_at=None)) is required
    assert not must_confirm_email(User(email_verified_at=timezone.now()))


def test_changed_settings_apply_at_once_and_cost_one_query():
    reads.current()
    assert services.change_settings(name="Ebb", registration="closed") == {
        "name": ["", "Ebb"],
        "registration": ["open", "closed"],
    }
    with CaptureQueriesContext(connection) as queries:
        assert [reads.current().name for _ in range(3)] == ["Ebb"] * 3
    assert len(queries) == 1
    assert services.change_settings(name="Ebb") == {}


def test_state_that_was_read_before_the_commit_is_not_kept(django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        services.change_settings(name="Ebb")
        # Another thread may read the former row now.
        reads.current()
    with CaptureQueriesContext(connection) as queries:
        reads.current()
    assert len(queries) == 1


def test_list_is_read_again_after_some_seconds(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(timed_cache.time, "monotonic", lambda: now)
    loaded = iter("abc")
    cache = timed_cache.TimedCache(lambda: next(loaded))
    assert (cache.peek(), cache.get(), cache.get()) == (None, "a", "a")
    now += timed_cache.SECONDS - 1
    assert cache.get() == "a"
    now += 1
    assert (cache.peek(), cache.get(), cache.peek()) == ("a", "b", "b")


def test_second_row_of_settings_is_refused_by_the_database():
    services.change_settings(name="Ebb")
    with pytest.raises(IntegrityError), transaction.atomic():
        SiteSettings.objects.create(pk=2, name="Flow")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"accent": "#ffcc00"}, "accent"),
        ({"accent": "blue"}, "accent"),
        ({"accent": "#0A5BC2"}, "accent"),
        ({"minimum_age": 0}, "minimum_age"),
        ({"registration": "sometimes"}, "registration"),
        ({"contact": "nowhere"}, "contact"),
    ],
)
def test_settings_that_are_not_valid_are_refused(values, field):
    with pytest.raises(Invalid) as refused:
        services.change_settings(**values)
    assert [error["field"] for error in refused.value.extra["errors"]] == [field]
    assert reads.current().accent == DEFAULT_ACCENT


@pytest.mark.parametrize("accent", ["#0a5bc2", "#000000", "#b3261e", "#6b2fbf", "#00695c"])
def test_accent_has_contrast_in_both_themes(accent):
    services.change_settings(accent=accent)
    dark = accent_for_dark_theme(accent)
    assert contrast(accent, "#f6f7f8") >= 4.5
    assert contrast(accent, "#ffffff") >= 4.5
    assert contrast(dark, "#181c20") >= 4.5
    assert contrast(dark, "#0f1214") >= 4.5
