from django.urls import path

from apps.engagement.api.views import (
    CollectionEndpoint,
    CommentEndpoint,
    CommentLikeEndpoint,
    LikeEndpoint,
    SaveEndpoint,
)

urlpatterns = [
    path("posts/<uuid:post_id>/like", LikeEndpoint.as_view({"post": "create", "delete": "destroy"})),
    path("posts/<uuid:post_id>/likes", LikeEndpoint.as_view({"get": "list"})),
    path("posts/<uuid:post_id>/save", SaveEndpoint.as_view({"post": "create", "delete": "destroy"})),
    path("posts/<uuid:post_id>/comment", CommentEndpoint.as_view({"post": "comment"})),
    path("posts/<uuid:post_id>/comments", CommentEndpoint.as_view({"post": "create", "get": "list"})),
    path("posts/<uuid:post_id>/comments/<uuid:comment_id>", CommentEndpoint.as_view({"delete": "destroy"})),
    path("comments/<uuid:comment_id>/like", CommentLikeEndpoint.as_view({"post": "create", "delete": "destroy"})),
    path("users/me/saved", CollectionEndpoint.as_view({"get": "saved"})),
    path("users/me/liked", CollectionEndpoint.as_view({"get": "liked"})),
]
