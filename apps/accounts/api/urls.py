from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.accounts.api.consents import ConsentViewSet
from apps.accounts.api.instance import InstanceViewSet
from apps.accounts.api.views import AuthViewSet, ExportViewSet, UserViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("auth", AuthViewSet, basename="auth")
router.register("users", UserViewSet, basename="users")

urlpatterns = [
    path("instance", InstanceViewSet.as_view({"get": "retrieve"})),
    path("users/me/consents", ConsentViewSet.as_view({"get": "retrieve", "post": "create"})),
    path("users/me/export", ExportViewSet.as_view({"post": "create", "get": "retrieve"})),
    *router.urls,
]
