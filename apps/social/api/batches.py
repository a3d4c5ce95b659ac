"""The parameter `?ids=a,b,...`."""

from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from apps.core.db.ids import parse_id
from apps.core.errors import BadRequest, Invalid


class TooManyIds(BadRequest):
    code, title = "too_many_ids", _("Too many ids at once.")


def parse_ids(request: Request, *, most: int) -> list[UUID]:
    """The distinct ids in their order; text that is not an id is ignored. Raises Invalid, TooManyIds."""
    raw = request.query_params.get("ids", "")
    if not raw:
        raise Invalid(ids=("required", _("Name at least one id.")))
    if raw.count(",") >= most:
        raise TooManyIds
    return list(dict.fromkeys(pk for part in raw.split(",") if (pk := parse_id(part.strip()))))
