"""Serializer fields that are stricter than those of DRF."""

from typing import Any

from django.core.validators import ProhibitNullCharactersValidator
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from apps.core import text
from apps.core.api.serializers import StrictSerializer

# The former name, for the modules that are not converted yet.
Body = StrictSerializer


class TextField(serializers.CharField):
    """Free text: NFC, no forbidden characters, kept as typed (not trimmed). Text that shows nothing is blank."""

    default_error_messages = {
        "invalid_characters": _("Control characters and bidirectional overrides are not allowed."),
        "max_length": _("At most {max_length} characters."),
    }

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        super().__init__(**kwargs)
        # `text.clean` has refused these by then; the library would look at every character once more.
        refused = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)
        self.validators = [check for check in self.validators if not isinstance(check, refused)]

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if isinstance(data, str) and text.is_blank(data) and not text.has_forbidden(data.replace("\r\n", "\n")):
            if not self.allow_blank:
                self.fail("blank")
            return ""
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        try:
            return text.clean(data)
        except text.ForbiddenCharacters:
            self.fail("invalid_characters")


class LineField(TextField):
    """A text that is shown in one line: no line breaks and no tabs either."""

    default_error_messages = {
        "invalid_characters": _("Control characters, line breaks and bidirectional overrides are not allowed."),
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        # Before a text of line breaks only is treated as blank.
        if isinstance(data, str) and text.breaks_line(data):
            self.fail("invalid_characters")
        return super().run_validation(data)


class TokenField(serializers.CharField):
    """An opaque name of bounded length, taken unmodified; NULs and surrogates simply never match."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("trim_whitespace", False)
        kwargs.setdefault("max_length", 4096)
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class SecretField(TokenField):
    """A password, a code or a token. Nothing that is derived from a body and stored contains it."""


class StrictBoolean(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class StrictInteger(serializers.IntegerField):
    """A JSON whole number, not "12" nor 1.5."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("invalid")
        return data
