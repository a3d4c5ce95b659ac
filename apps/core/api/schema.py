"""The OpenAPI document's house rules."""

from drf_spectacular.openapi import AutoSchema


class PhotogramSchema(AutoSchema):
    pass
