"""The pages. Their paths are part of the links in mails, and of links that members share."""

from django.http import HttpRequest
from django.urls import path, re_path

from apps.core.errors import NotFound
from apps.web.views import account, comments, feed, people, posts


def pending(request: HttpRequest, **kwargs: object) -> None:
    raise NotFound


app_name = "web"
urlpatterns = [
    path("", feed.home, name="home"),
    path("new-posts", feed.new_posts, name="new_posts"),
    path("explore", feed.explore_page, name="explore"),
    # People
    re_path(r"^@(?P<handle>[^/]+)$", people.profile_page, name="profile"),
    # Posts
    path("p/<uuid:post_id>", posts.post_page, name="post"),
    path("p/<uuid:post_id>/like", posts.like, name="like"),
    path("p/<uuid:post_id>/save", posts.save, name="save"),
    path("p/<uuid:post_id>/likes", posts.likes, name="likes"),
    path("p/<uuid:post_id>/delete", posts.delete, name="delete_post"),
    path("p/<uuid:post_id>/comments", comments.comment, name="comments"),
    path("p/<uuid:post_id>/comments/<uuid:comment_id>", comments.thread_page, name="thread"),
    path("p/<uuid:post_id>/comments/<uuid:comment_id>/delete", comments.delete, name="delete_comment"),
    path("p/<uuid:post_id>/comments/<uuid:comment_id>/like", comments.like, name="like_comment"),
    path("saved", posts.saved_posts, name="saved"),
    path("liked", posts.liked_posts, name="liked"),
    # Accounts
    path("login", account.login, name="login"),
    path("logout", account.logout, name="logout"),
    # To be replaced by real views.
    path("search", pending, name="search"),
    path("tags/<str:tag>", pending, name="tag"),
    path("new", pending, name="new"),
    path("notifications", pending, name="notifications"),
    path("settings", pending, name="settings"),
    path("join", pending, name="join"),
    path("forgot", pending, name="forgot"),
]
