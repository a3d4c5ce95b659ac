"""The pages. Their paths are part of the links in mails, and of links that members share."""

from django.http import HttpRequest
from django.urls import path, re_path

from apps.core.errors import NotFound
from apps.web.views import account, feed, people, posts, settings


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
    path("join", account.join, name="join"),
    path("forgot", account.forgot, name="forgot"),
    path("reset-password", account.reset_password, name="reset_password"),
    path("confirm-email", account.confirm_email, name="confirm_email"),
    path("confirm-email/resend", account.resend_confirmation, name="resend_confirmation"),
    path(".well-known/change-password", account.change_password_url, name="change_password"),
    # Settings
    path("settings", settings.overview, name="settings"),
    path("settings/profile", settings.profile, name="settings_profile"),
    path("settings/account", settings.account, name="settings_account"),
    path("settings/security", settings.security, name="settings_security"),
    path("settings/sessions", settings.session_list, name="settings_sessions"),
    path("settings/sessions/end-others", settings.end_other_sessions, name="end_other_sessions"),
    path("settings/sessions/<uuid:session_id>/end", settings.end_session, name="end_session"),
    path("settings/notifications", settings.notifications, name="settings_notifications"),
    path("settings/privacy", settings.privacy, name="settings_privacy"),
    re_path(r"^settings/(?P<kind>blocked|muted)$", settings.restricted_people, name="settings_restricted"),
    re_path(r"^settings/(?P<kind>blocked|muted)/(?P<handle>[^/]+)$", settings.restrict, name="restrict"),
    path("settings/appearance", settings.appearance, name="settings_appearance"),
    path("settings/export", settings.export, name="settings_export"),
    path("settings/delete", settings.delete, name="settings_delete"),
    path("export", settings.export_url, name="export"),
    # To be replaced by real views.
    path("search", pending, name="search"),
    path("tags/<str:tag>", pending, name="tag"),
    path("p/<uuid:post_id>/likes", pending, name="likes"),
    path("new", pending, name="new"),
    path("notifications", pending, name="notifications"),
    path("settings/profile/avatar", pending, name="avatar"),
]
