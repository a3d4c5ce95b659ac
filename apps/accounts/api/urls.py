from django.urls import path

from apps.accounts.api.auth_views import AuthEndpoint
from apps.accounts.api.export_views import ExportEndpoint
from apps.accounts.api.user_views import UserEndpoint

urlpatterns = [
    path("auth/token", AuthEndpoint.as_view({"post": "token"})),
    path("auth/revoke", AuthEndpoint.as_view({"post": "revoke"})),
    path("auth/me", AuthEndpoint.as_view({"get": "me"})),
    path("auth/sessions", AuthEndpoint.as_view({"get": "sessions"})),
    path("auth/password", AuthEndpoint.as_view({"post": "password"})),
    path("auth/password/reset", AuthEndpoint.as_view({"post": "reset"})),
    path("auth/password/reset/confirm", AuthEndpoint.as_view({"post": "reset_confirm"})),
    path("auth/email/confirm", AuthEndpoint.as_view({"post": "confirm"})),
    path("auth/email/resend", AuthEndpoint.as_view({"post": "resend"})),
    path("users", UserEndpoint.as_view({"post": "create", "get": "list"})),
    path("users/me/export", ExportEndpoint.as_view({"post": "create", "get": "retrieve"})),
    path(
        "users/<str:user>",
        UserEndpoint.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
]
