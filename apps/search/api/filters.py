"""The parameter `?q=` of the search."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django_filters import rest_framework as filters

from apps.core import text
from apps.core.errors import BadRequest

MAX_LENGTH = 100


class InvalidQuery(BadRequest):
    code = "invalid_query"
    title = format_lazy(_("q must be 1 to {longest} characters, without control characters."), longest=MAX_LENGTH)


class QueryField(forms.CharField):
    def clean(self, value: Any) -> str:
        """The query in NFC, trimmed. Raises InvalidQuery."""
        try:
            query = text.clean((value or "").strip()).strip()
        except text.ForbiddenCharacters as error:
            raise InvalidQuery from error
        if text.is_blank(query) or len(query) > MAX_LENGTH:
            raise InvalidQuery
        return query


class QueryFilter(filters.CharFilter):
    field_class = QueryField


class SearchFilter(filters.FilterSet):
    q = QueryFilter(required=True, help_text=f"1 to {MAX_LENGTH} characters after trimming.")
