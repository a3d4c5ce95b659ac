"""The pages. Their paths are part of the links in mails, and of links that members share."""

from collections.abc import Iterable

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from apps.web.views import (
    account,
    comments,
    composer,
    digests,
    feed,
    install,
    invitations,
    lists,
    meta,
    notifications,
    people,
    posts,
    relationships,
    reports,
    search,
    security,
    settings,
    suspended,
)


def _one_of(words: Iterable[str]) -> type[StringConverter]:
    """A path converter for some words."""
    return type("OneOf", (StringConverter,), {"regex": "|".join(words)})


register_converter(_one_of(relationships.ACTIONS), "relationship_action")
register_converter(_one_of(relationships.ANSWERS), "request_answer")
register_converter(_one_of(settings.RESTRICTIONS), "restriction")

app_name = "web"
urlpatterns = [
    path("", feed.home, name="home"),
    path("new-posts", feed.new_posts, name="new_posts"),
    path("explore", feed.explore_page, name="explore"),
    # People
    path("@<str:handle>", people.profile_page, name="profile"),
    path("@<str:handle>/followers", people.followers, name="followers"),
    path("@<str:handle>/following", people.following, name="following"),
    path("@<str:handle>/<relationship_action:action>", relationships.act, name="relate"),
    path("requests", relationships.request_list, name="requests"),
    path("requests/@<str:handle>/<request_answer:answer>", relationships.answer, name="answer_request"),
    path("suggestions", people.suggestions, name="suggestions"),
    # Search
    path("search", search.search_page, name="search"),
    path("tags/<str:tag>", search.tag_page, name="tag"),
    # The present state of items of lists
    path("refresh/posts", lists.refresh_posts, name="refresh_posts"),
    path("refresh/people", lists.refresh_people, name="refresh_people"),
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
    path("suspended", suspended.suspended, name="suspended"),
    path("join", account.join, name="join"),
    path("invite/<str:code>", invitations.invite, name="invite"),
    path("forgot", account.forgot, name="forgot"),
    path("reset-password", account.reset_password, name="reset_password"),
    path("confirm-email", account.confirm_email, name="confirm_email"),
    path("confirm-email/resend", account.resend_confirmation, name="resend_confirmation"),
    path("confirm-new-email", account.confirm_new_email, name="confirm_new_email"),
    path("revert-email", account.revert_email, name="revert_email"),
    path(".well-known/change-password", account.change_password_url, name="change_password"),
    # Settings
    path("settings", settings.overview, name="settings"),
    path("settings/profile", settings.profile, name="settings_profile"),
    path("settings/account", settings.account, name="settings_account"),
    path("settings/account/handle", settings.change_handle, name="change_handle"),
    path("settings/account/email", settings.change_email, name="change_email"),
    path("settings/account/email/cancel", settings.cancel_email_change, name="cancel_email_change"),
    path("settings/security/events", settings.security_events, name="security_events"),
    path("settings/security", settings.security, name="settings_security"),
    path("settings/security/confirm", security.confirm_identity, name="confirm_identity"),
    path("settings/security/app", security.app, name="settings_app"),
    path("settings/security/app/remove", security.remove_app, name="remove_app"),
    path("settings/security/passkeys/new", security.new_passkey, name="new_passkey"),
    path("settings/security/passkeys/<uuid:passkey_id>", security.passkey, name="passkey"),
    path("settings/security/passkeys/<uuid:passkey_id>/remove", security.remove_passkey, name="remove_passkey"),
    path("settings/security/recovery-codes", security.renew_recovery_codes, name="renew_recovery_codes"),
    path("settings/sessions", settings.session_list, name="settings_sessions"),
    path("settings/sessions/end-others", settings.end_other_sessions, name="end_other_sessions"),
    path("settings/sessions/<uuid:session_id>/end", settings.end_session, name="end_session"),
    path("settings/notifications", settings.notifications, name="settings_notifications"),
    path("settings/privacy", settings.privacy, name="settings_privacy"),
    path("settings/invitations", invitations.invitation_list, name="settings_invitations"),
    path("settings/invitations/<str:code>/revoke", invitations.revoke, name="revoke_invitation"),
    path("settings/<restriction:kind>", settings.restricted_people, name="settings_restricted"),
    path("settings/moderation", settings.moderation, name="settings_moderation"),
    path("settings/appearance", settings.appearance, name="settings_appearance"),
    path("settings/export", settings.export, name="settings_export"),
    path("settings/deactivate", settings.deactivate, name="settings_deactivate"),
    path("settings/delete", settings.delete, name="settings_delete"),
    path("export", settings.export_url, name="export"),
    # Reports and appeals
    path("report", reports.report, name="report"),
    path("reports", reports.own_reports, name="own_reports"),
    path("reports/<uuid:report_id>", reports.own_report, name="own_report"),
    path("appeal", reports.appeal, name="appeal"),
    path("moderation-digest/stop", digests.stop, name="stop_digest"),
    # About the site
    path("language", meta.choose_language, name="language"),
    path("about", meta.about, name="about"),
    path("rules", meta.rules, name="rules"),
    path("terms", meta.terms, name="terms"),
    path("consents", meta.accept_documents, name="consents"),
    path("announcements/<uuid:announcement_id>/dismiss", meta.dismiss_announcement, name="dismiss_announcement"),
    path("privacy", meta.privacy, name="privacy"),
    # Other sites and search engines
    path("oembed", meta.oembed, name="oembed"),
    path("@<str:handle>/feed.atom", meta.profile_feed, name="profile_feed"),
    path("tags/<str:tag>/feed.atom", meta.tag_feed, name="tag_feed"),
    path("robots.txt", meta.robots, name="robots"),
    path("sitemap.xml", meta.sitemap, name="sitemap"),
    path("sitemap-<str:section>.xml", meta.sitemap, name="sitemap_section"),
    # Notifications
    path("notifications", notifications.notification_list, name="notifications"),
    path("notifications/read", notifications.mark_as_read, name="mark_as_read"),
    path("notifications/<uuid:notification_id>", notifications.open_notification, name="notification"),
    # The app that browsers install
    path("manifest.webmanifest", install.manifest, name="manifest"),
    path("sw.js", install.service_worker, name="service_worker"),
    path("offline", install.offline, name="offline"),
    path("logo/<uuid:logo_id>.png", install.logo, name="logo"),
    path("accent-<str:colour>.css", install.accent_styles, name="accent_styles"),
    path("favicon.ico", install.favicon, name="favicon"),
    # Composer
    path("new", composer.new, name="new"),
    path("p/<uuid:post_id>/edit", composer.edit, name="edit_post"),
    path("p/<uuid:post_id>/state", composer.state, name="post_state"),
    path("settings/profile/avatar", composer.avatar, name="avatar"),
]
