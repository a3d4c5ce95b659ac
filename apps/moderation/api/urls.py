from rest_framework.routers import SimpleRouter

from apps.moderation.api import views

router = SimpleRouter(trailing_slash=False, use_regex_path=False)
router.register("moderation/users", views.UserModerationViewSet, basename="moderated-users")
router.register("moderation/posts", views.PostModerationViewSet, basename="moderated-posts")
router.register("moderation/comments", views.CommentModerationViewSet, basename="moderated-comments")
router.register("moderation/flags/mine", views.OwnFlagViewSet, basename="own-flags")
router.register("moderation/flags", views.FlagViewSet, basename="flags")
router.register("moderation/audit", views.AuditViewSet, basename="audit")
router.register("moderation/actions/mine", views.OwnActionViewSet, basename="own-moderation-actions")
router.register("moderation/actions", views.ActionViewSet, basename="moderation-actions")
router.register("moderation/appeals", views.AppealViewSet, basename="appeals")

urlpatterns = router.urls
