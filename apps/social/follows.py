"""Whether somebody follows somebody, for querysets of others."""

from uuid import UUID

from django.db.models import BooleanField, OuterRef, Subquery, Value

from apps.social.models import Follow


def is_followed(column: str, viewer_id: UUID) -> Subquery:
    """SQL: does the viewer follow the person in `column`? True or null.

    A value and no EXISTS: beside an OR, PostgreSQL answers that by reading all whom the viewer follows, for each page.
    """
    follow = Follow.objects.filter(follower=viewer_id, followed=OuterRef(column))
    return Subquery(follow.values(one=Value(True))[:1], output_field=BooleanField())
