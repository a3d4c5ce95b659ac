"""The parameter `?variants=thumb,medium`: which variants of photos a response contains."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from apps.core.api.views import BaseViewSet
from apps.core.errors import Invalid
from apps.media.variants import SIDES

VARIANTS = OpenApiParameter(
    "variants",
    {"type": "array", "items": {"type": "string", "enum": list(SIDES)}},
    explode=False,
    description="Return only these variants of photos. The default is all.",
)


def get_variants(request: Request) -> frozenset[str] | None:
    """The names of the requested variants; None for all. Raises Invalid."""
    if "variants" not in request.query_params:
        return None
    # Some clients repeat the parameter for each value of a list.
    names = frozenset(",".join(request.query_params.getlist("variants")).split(","))
    if not names <= SIDES.keys():
        wanted = _("Any of {names}, separated by commas.").format(names=", ".join(SIDES))
        raise Invalid(variants=("invalid_choice", wanted))
    return names


class PhotoViewSet(BaseViewSet):
    """The base of views whose responses contain photos. Name VARIANTS in the `parameters` of their actions."""

    # The names of the requested variants; None for all.
    variants: frozenset[str] | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        # Before the action, so that a request with an invalid value has no effect.
        self.variants = get_variants(request)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "variants": self.variants}
