"""Follows as a condition in the querysets of other apps."""

from uuid import UUID

from django.db.models import BooleanField, OuterRef, Subquery, Value

from apps.social.models import Follow


def is_followed(column: str, viewer_id: UUID) -> Subquery:
    """SQL expression: true if the viewer follows the account in `column`, otherwise null.

    This is a value instead of EXISTS, because PostgreSQL answers EXISTS beside an OR by reading all follows of the
    viewer for each page.
    """
    follow = Follow.objects.filter(follower=viewer_id, followed=OuterRef(column))
    return Subquery(follow.values(true=Value(True))[:1], output_field=BooleanField())
