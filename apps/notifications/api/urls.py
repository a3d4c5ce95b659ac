from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.notifications.api.views import NotificationViewSet, PreferenceViewSet, PushViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("notifications/push-subscriptions", PushViewSet, basename="push-subscriptions")
router.register("notifications", NotificationViewSet, basename="notifications")

urlpatterns = [
    path("notifications/preferences", PreferenceViewSet.as_view({"get": "retrieve", "put": "update"})),
    *router.urls,
]
