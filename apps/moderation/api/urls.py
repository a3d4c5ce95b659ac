from django.urls import path
from rest_framework.routers import SimpleRouter

from apps.moderation.api import team, views
from apps.moderation.api.applications import ApplicationViewSet

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
router.register("moderation/applications", ApplicationViewSet, basename="applications")
router.register("moderation/users/<str:user>/notes", team.UserNoteViewSet, basename="user-notes")
router.register("moderation/notes", team.NoteViewSet, basename="notes")
router.register("moderation/tags", team.TagModerationViewSet, basename="moderated-tags")

urlpatterns = [
    path("moderation/digest", team.DigestViewSet.as_view({"get": "retrieve", "patch": "partial_update"})),
    *router.urls,
]
