"""What pages, mails and responses read of the settings of the site."""

from django.conf import settings
from django.db import Error

from apps.core.timed_cache import TimedCache
from apps.site.models import SiteSettings


def _load() -> SiteSettings:
    row = SiteSettings.objects.first() or SiteSettings()
    row.name = row.name or settings.SITE_NAME
    row.description = row.description or settings.SITE_DESCRIPTION
    row.contact = row.contact or settings.SITE_CONTACT
    return row


in_force = TimedCache(_load)


def current() -> SiteSettings:
    """The settings of the site, at most 10 s old; do not change the returned object. No query on most calls.

    Without the database, the last known settings or the defaults: error pages show them, too.
    """
    try:
        return in_force.get()
    except Error:
        return in_force.peek() or SiteSettings(name=settings.SITE_NAME, description=settings.SITE_DESCRIPTION)
