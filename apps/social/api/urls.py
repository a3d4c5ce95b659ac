from rest_framework.routers import SimpleRouter

from apps.social.api.views import FollowRequestViewSet, RelationshipListViewSet, RelationshipViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("users", RelationshipViewSet, basename="user-relationships")
router.register("relationships", RelationshipListViewSet, basename="relationships")
router.register("follow-requests", FollowRequestViewSet, basename="follow-requests")

urlpatterns = router.urls
