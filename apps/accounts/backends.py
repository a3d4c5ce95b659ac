"""Authentication backend of the console with one query per page for each of user and permissions."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.accounts.session_cache import SEEN_SECONDS
from apps.accounts.two_factor import enrolled


class OneQueryBackend(ModelBackend):
    """Django's backend, which queries user permissions and group permissions separately and knows no devices."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> User | None:
        """As Django's; an unknown handle takes as long as a wrong password, in any Unicode form of it."""
        if username is None or password is None:
            return None
        user: User = User.objects.filter(handle=username.lower()).first() or User()
        return user if user.check_password(password) and self.user_can_authenticate(user) else None

    def get_user(self, user_id: Any) -> User | None:
        """The user with `is_enrolled` in two-factor and the ids of the console sessions with a second factor, for
        `TwoFactorMiddleware`; and the ids of the live console sessions and of those that were used recently, for
        `ConsoleSessionMiddleware`."""
        live = Session.objects.live().filter(user=OuterRef("pk"), kind=Session.Kind.CONSOLE).values("pk")
        recent = live.filter(last_seen_at__gt=timezone.now() - timedelta(seconds=SEEN_SECONDS))
        annotated = User.objects.annotate(
            is_enrolled=ExpressionWrapper(enrolled(), BooleanField()),
            console_sessions=ArraySubquery(live),
            second_factor_sessions=ArraySubquery(live.filter(two_factor=True)),
            recent_console_sessions=ArraySubquery(recent),
        )
        user: User | None = annotated.filter(pk=user_id).first()
        return user if user and self.user_can_authenticate(user) else None

    def get_all_permissions(self, user_obj: User | AnonymousUser, obj: Any = None) -> set[str]:
        if not isinstance(user_obj, User) or not user_obj.is_active or user_obj.is_superuser or obj is not None:
            return super().get_all_permissions(user_obj, obj)
        known: set[str] | None = getattr(user_obj, "console_permissions", None)
        if known is None:
            granted = Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj)).order_by()
            names = granted.values_list("content_type__app_label", "codename").distinct()
            known = {f"{label}.{codename}" for label, codename in names}
            user_obj.console_permissions = known  # type: ignore[attr-defined]
        return known
