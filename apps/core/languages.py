"""The language of texts for a member, wherever they are made: in a worker, or in a request of another user."""

from django.conf import settings
from django.utils import translation


def closest_language(locale: str) -> str:
    """The language of this site for a locale, such as "de" for "de-AT". LANGUAGE_CODE if the site has none."""
    try:
        return translation.get_supported_language_variant(locale)
    except LookupError:
        return str(settings.LANGUAGE_CODE)


def use_language(locale: str) -> translation.override:
    """A context manager in which gettext and formats use the language of a member: `with use_language(user.locale):`"""
    return translation.override(closest_language(locale))
