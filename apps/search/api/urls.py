from django.urls import path

from apps.search.api.views import SearchEndpoint

urlpatterns = [
    path("search/users", SearchEndpoint.as_view({"get": "users"})),
    path("search/posts", SearchEndpoint.as_view({"get": "posts"})),
    path("search/tags", SearchEndpoint.as_view({"get": "tags"})),
]
