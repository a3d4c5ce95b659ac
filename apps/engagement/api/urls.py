from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.engagement.api.views import (
    CollectionViewSet,
    CommentLikeViewSet,
    CommentViewSet,
    LikeViewSet,
    SaveViewSet,
)

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("posts", LikeViewSet, basename="likes")
router.register("posts", SaveViewSet, basename="saves")
router.register("posts/<uuid:post_id>/comments", CommentViewSet, basename="comments")
router.register("comments", CommentLikeViewSet, basename="comment-likes")

urlpatterns = [
    *router.urls,
    path("posts/<uuid:post_id>/comment", CommentViewSet.as_view({"post": "comment"})),
    path("users/me/saved", CollectionViewSet.as_view({"get": "saved"})),
    path("users/me/liked", CollectionViewSet.as_view({"get": "liked"})),
]
