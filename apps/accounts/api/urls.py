from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.accounts.api.consents import ConsentViewSet
from apps.accounts.api.instance import InstanceViewSet
from apps.accounts.api.registration import ChallengeViewSet, InvitationViewSet
from apps.accounts.api.second_factors import SecondFactorViewSet
from apps.accounts.api.views import AuthViewSet, ExportViewSet, UserViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("auth", AuthViewSet, basename="auth")
# Before `users/{user}`, which takes any text.
router.register("users/me/second-factors", SecondFactorViewSet, basename="second-factors")
router.register("users", UserViewSet, basename="users")
router.register("invitations", InvitationViewSet, basename="invitations")

urlpatterns = [
    path("users/challenge", ChallengeViewSet.as_view({"get": "retrieve"})),
    path("instance", InstanceViewSet.as_view({"get": "retrieve"})),
    path("users/me/consents", ConsentViewSet.as_view({"get": "retrieve", "post": "create"})),
    path("users/me/export", ExportViewSet.as_view({"post": "create", "get": "retrieve"})),
    path("users/me/second-factors", SecondFactorViewSet.as_view({"get": "show"})),
    path(
        "users/me/second-factors/passkeys/<uuid:passkey_id>",
        SecondFactorViewSet.as_view({"patch": "rename_passkey", "delete": "remove_passkey"}),
    ),
    *router.urls,
]
