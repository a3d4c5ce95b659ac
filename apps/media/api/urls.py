from rest_framework.routers import SimpleRouter

from apps.media.api.views import MediaViewSet, UploadViewSet

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("media/upload", UploadViewSet, basename="uploads")
router.register("media", MediaViewSet, basename="media")

urlpatterns = router.urls
