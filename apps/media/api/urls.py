from django.urls import path

from apps.media.api.views import MediaEndpoint

urlpatterns = [
    path("media/upload", MediaEndpoint.as_view({"post": "create"})),
    path("media/upload/<uuid:media_id>/complete", MediaEndpoint.as_view({"post": "complete"})),
    path("media/upload/<uuid:media_id>/status", MediaEndpoint.as_view({"get": "upload_status"})),
    path("media/<uuid:media_id>", MediaEndpoint.as_view({"get": "retrieve", "delete": "destroy"})),
]
