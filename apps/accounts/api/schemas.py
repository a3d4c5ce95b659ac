"""Former names, until their last user is converted."""

from apps.accounts.api.serializers import RelationshipSerializer as Relationship  # noqa: F401
from apps.accounts.api.serializers import UserSummarySerializer as UserMini  # noqa: F401
