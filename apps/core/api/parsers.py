"""JSON in: strict UTF-8, one object, no NaN, no lone surrogates."""

from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.utils.translation import gettext_lazy as _
from rest_framework.parsers import BaseParser

from apps.core.errors import MalformedRequest

_NO_OBJECT = _("The body is no valid JSON object.")


class JSONParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read()
        if not body:
            return {}
        try:
            parsed = orjson.loads(body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise MalformedRequest(_NO_OBJECT) from error
        if not isinstance(parsed, dict):
            raise MalformedRequest(_NO_OBJECT)
        return parsed
