"""The pages. Their paths are part of the links in mails, and of links that members share."""

from django.http import HttpRequest
from django.urls import path, re_path

from apps.core.errors import NotFound
from apps.web.views import account, composer, feed, people, posts


def pending(request: HttpRequest, **kwargs: object) -> None:
    raise NotFound


app_name = "web"
urlpatterns = [
    path("", feed.home, name="home"),
    path("explore", feed.explore_page, name="explore"),
    # People
    re_path(r"^@(?P<handle>[^/]+)$", people.profile_page, name="profile"),
    # Posts
    path("p/<uuid:post_id>", posts.post_page, name="post"),
    path("p/<uuid:post_id>/like", posts.like, name="like"),
    path("p/<uuid:post_id>/save", posts.save, name="save"),
    # Accounts
    path("login", account.login, name="login"),
    path("logout", account.logout, name="logout"),
    # Composer
    path("new", composer.new, name="new"),
    path("p/<uuid:post_id>/edit", composer.edit, name="edit_post"),
    path("p/<uuid:post_id>/state", composer.state, name="post_state"),
    path("settings/profile/avatar", composer.avatar, name="avatar"),
    # To be replaced by real views.
    path("search", pending, name="search"),
    path("tags/<str:tag>", pending, name="tag"),
    path("p/<uuid:post_id>/likes", pending, name="likes"),
    path("notifications", pending, name="notifications"),
    path("settings", pending, name="settings"),
    path("join", pending, name="join"),
    path("forgot", pending, name="forgot"),
]
