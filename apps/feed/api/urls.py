from django.urls import path

from apps.feed.api.views import ExploreEndpoint, FeedEndpoint

urlpatterns = [
    path("feed", FeedEndpoint.as_view({"get": "list"})),
    path("feed/refresh", FeedEndpoint.as_view({"post": "refresh"})),
    path("explore", ExploreEndpoint.as_view({"get": "list"})),
]
