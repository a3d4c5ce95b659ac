"""Who asks for a page of the console, with which device they sign in, and what they may see: each asked once a page."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission
from django.db.models import OuterRef, Q, Subquery
from django_otp.plugins.otp_totp.models import TOTPDevice

from apps.accounts.models import User


class OneQueryBackend(ModelBackend):
    """Django's, which asks for somebody's own permissions and for those of their groups one after the other, and does
    not know that the account has a device."""

    def get_user(self, user_id: Any) -> User | None:
        """With `device_pk`: what `TwoFactorMiddleware` compares the session with."""
        device = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True).values("pk")[:1]
        user: User | None = User.objects.annotate(device_pk=Subquery(device)).filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

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
