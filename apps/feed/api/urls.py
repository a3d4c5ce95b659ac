from rest_framework.routers import SimpleRouter

from apps.feed.api.views import ExploreViewSet, FeedViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("feed", FeedViewSet, basename="feed")
router.register("explore", ExploreViewSet, basename="explore")

urlpatterns = router.urls
