from django.urls import path

from apps.moderation.api.views import (
    AppealEndpoint,
    AuditEndpoint,
    CaseEndpoint,
    DecisionEndpoint,
    FlagEndpoint,
    ReportEndpoint,
)

urlpatterns = [
    path("moderation/users/<str:user>/flag", ReportEndpoint.as_view({"post": "report_user"})),
    path("moderation/users/<str:user>/suspend", DecisionEndpoint.as_view({"post": "suspend"})),
    path("moderation/users/<str:user>/unsuspend", DecisionEndpoint.as_view({"post": "unsuspend"})),
    path("moderation/posts/<uuid:post_id>/flag", ReportEndpoint.as_view({"post": "report_post"})),
    path("moderation/posts/<uuid:post_id>/takedown", DecisionEndpoint.as_view({"post": "take_down_post"})),
    path("moderation/posts/<uuid:post_id>/restore", DecisionEndpoint.as_view({"post": "restore_post"})),
    path("moderation/comments/<uuid:comment_id>/flag", ReportEndpoint.as_view({"post": "report_comment"})),
    path("moderation/comments/<uuid:comment_id>/takedown", DecisionEndpoint.as_view({"post": "take_down_comment"})),
    path("moderation/comments/<uuid:comment_id>/restore", DecisionEndpoint.as_view({"post": "restore_comment"})),
    path("moderation/flags", FlagEndpoint.as_view({"get": "list"})),
    path("moderation/flags/<uuid:flag_id>/resolve", FlagEndpoint.as_view({"post": "resolve"})),
    path("moderation/audit", AuditEndpoint.as_view({"get": "list"})),
    path("moderation/actions/<uuid:action_id>/appeal", AppealEndpoint.as_view({"post": "create"})),
    path("moderation/appeals", CaseEndpoint.as_view({"get": "list"})),
    path("moderation/appeals/<uuid:appeal_id>/decide", CaseEndpoint.as_view({"post": "decide"})),
]
