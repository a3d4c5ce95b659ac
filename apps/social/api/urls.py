from django.urls import path

from apps.social.api.views import PeopleEndpoint, TieEndpoint

urlpatterns = [
    path("users/suggestions", PeopleEndpoint.as_view({"get": "suggestions"})),
    path("users/me/blocks", PeopleEndpoint.as_view({"get": "blocks"})),
    path("users/me/mutes", PeopleEndpoint.as_view({"get": "mutes"})),
    path("users/<str:user>/followers", PeopleEndpoint.as_view({"get": "followers"})),
    path("users/<str:user>/following", PeopleEndpoint.as_view({"get": "following"})),
    path("users/<str:user>/follow", TieEndpoint.as_view({"post": "follow"})),
    path("users/<str:user>/unfollow", TieEndpoint.as_view({"post": "unfollow"})),
    path("users/<str:user>/remove-follower", TieEndpoint.as_view({"post": "remove_follower"})),
    path("users/<str:user>/block", TieEndpoint.as_view({"post": "block"})),
    path("users/<str:user>/unblock", TieEndpoint.as_view({"post": "unblock"})),
    path("users/<str:user>/mute", TieEndpoint.as_view({"post": "mute"})),
    path("users/<str:user>/unmute", TieEndpoint.as_view({"post": "unmute"})),
    path("users/<str:user>/relationship", TieEndpoint.as_view({"get": "retrieve"})),
    path("relationships", TieEndpoint.as_view({"get": "list"})),
    path("follow-requests", PeopleEndpoint.as_view({"get": "requests"})),
    path("follow-requests/<str:user>/accept", TieEndpoint.as_view({"post": "accept"})),
    path("follow-requests/<str:user>/reject", TieEndpoint.as_view({"post": "reject"})),
]
