from django.urls import path

from apps.content.api.views import PostEndpoint, PostListEndpoint

urlpatterns = [
    path("posts", PostEndpoint.as_view({"post": "create"})),
    path(
        "posts/<uuid:post_id>",
        PostEndpoint.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    path("users/<str:user>/posts", PostListEndpoint.as_view({"get": "by_author"})),
    path("tags/<str:tag>/posts", PostListEndpoint.as_view({"get": "by_tag"})),
]
