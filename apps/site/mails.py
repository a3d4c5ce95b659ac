"""The name and the colour of the site, for the templates of mails."""

from typing import Any

from django.conf import settings

from apps.site import reads


def mail_context() -> dict[str, Any]:
    """One of MAIL_CONTEXT_PROCESSORS."""
    site = reads.current()
    return {
        "site_name": site.name,
        "accent": site.accent,
        # A name that is set in the console comes before that of DEFAULT_FROM_EMAIL.
        "sender_name": site.name if site.name != settings.SITE_NAME else "",
    }
