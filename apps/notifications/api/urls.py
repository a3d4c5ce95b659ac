from django.urls import path

from apps.notifications.api.views import NotificationEndpoint, PreferenceEndpoint, PushEndpoint

urlpatterns = [
    path("notifications", NotificationEndpoint.as_view({"get": "list"})),
    path("notifications/read", NotificationEndpoint.as_view({"post": "read_all"})),
    path("notifications/unread-count", NotificationEndpoint.as_view({"get": "unread_count"})),
    path("notifications/preferences", PreferenceEndpoint.as_view({"get": "retrieve", "put": "update"})),
    path("notifications/push-subscriptions", PushEndpoint.as_view({"get": "list", "post": "create"})),
    path("notifications/push-subscriptions/<uuid:subscription_id>", PushEndpoint.as_view({"delete": "destroy"})),
    path("notifications/<uuid:notification_id>/read", NotificationEndpoint.as_view({"post": "read"})),
]
