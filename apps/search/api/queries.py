"""`?q=`."""

from rest_framework.request import Request

from apps.core import text
from apps.core.errors import BadRequest

MAX_LENGTH = 100


class InvalidQuery(BadRequest):
    code, title = "invalid_query", f"q must be 1 to {MAX_LENGTH} characters, without control characters."


def query_of(request: Request) -> str:
    """What is searched for, in NFC, trimmed. Raises InvalidQuery."""
    try:
        query = text.clean(request.query_params.get("q", "").strip()).strip()
    except text.ForbiddenCharacters as error:
        raise InvalidQuery from error
    if not 1 <= len(query) <= MAX_LENGTH:
        raise InvalidQuery
    return query
