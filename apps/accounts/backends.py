"""Who may see what in the console, asked once a page."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import Q

from apps.accounts.models import User


class OneQueryBackend(ModelBackend):
    """Django's, which asks for somebody's own permissions and for those of their groups one after the other."""

    def get_all_permissions(self, user_obj: User | AnonymousUser, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        known: set[str] | None = getattr(user_obj, "_perm_cache", None)
        if known is None:
            held = Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj)).order_by()
            names = held.values_list("content_type__app_label", "codename").distinct()
            known = {f"{label}.{codename}" for label, codename in names}
            # Where Django's own backend keeps them, for as long as this object lives.
            setattr(user_obj, "_perm_cache", known)  # noqa: B010
        return known
