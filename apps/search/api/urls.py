from rest_framework.routers import SimpleRouter

from apps.search.api.views import SearchViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("search", SearchViewSet, basename="search")

urlpatterns = router.urls
