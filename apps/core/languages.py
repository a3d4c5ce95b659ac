"""The language of texts: for a member, wherever they are made (a worker, a request of another user), and for a request.

The setting SITE_LANGUAGE is the language of those who prefer no language of this site.
"""

from contextlib import suppress

from django.conf import settings
from django.http import HttpRequest
from django.utils import translation
from django.utils.translation.trans_real import parse_accept_lang_header


def closest_language(*locales: str) -> str:
    """The language of this site for the first locale that has one, such as "de" for "de-AT"; else SITE_LANGUAGE."""
    for locale in locales:
        with suppress(LookupError):
            return translation.get_supported_language_variant(locale.lower())
    return str(settings.SITE_LANGUAGE)


def preferred_language(request: HttpRequest) -> str:
    """The language that the browser has chosen (LANGUAGE_COOKIE_NAME), or else the first of `Accept-Language` that this
    site has.

    Django's `get_language_from_request` ends with LANGUAGE_CODE, the language of the console.
    """
    accepted = parse_accept_lang_header(request.headers.get("Accept-Language", ""))
    return closest_language(request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, ""), *(locale for locale, _ in accepted))


def use_language(locale: str) -> translation.override:
    """A context manager in which gettext and formats use the language of a member: `with use_language(user.locale):`"""
    return translation.override(closest_language(locale))
