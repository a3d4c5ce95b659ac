from rest_framework.routers import SimpleRouter

from apps.content.api.views import AuthorPostViewSet, PostViewSet, TagPostViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("posts", PostViewSet, basename="posts")
router.register("users/<str:user>/posts", AuthorPostViewSet, basename="posts-by-author")
router.register("tags/<str:tag>/posts", TagPostViewSet, basename="posts-by-tag")

urlpatterns = router.urls
