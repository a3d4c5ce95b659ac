"""The contract that clients rely on, field by field and code by code, against the OpenAPI document."""

import pytest

from tests.api.openapi import OPERATIONS, SCHEMAS

OBJECTS = {
    "User": "id handle display_name bio website avatar is_private is_verified counts created_at viewer",
    "UserSummary": "id handle display_name avatar is_verified",
    "UserCounts": "followers following posts",
    "Avatar": "thumb medium",
    "Me": "id handle display_name bio website avatar is_private is_verified counts created_at viewer "
    "email email_verified locale time_zone roles settings suspension unread_notifications "
    "pending_consents",
    "Suspension": "reason until action_id",
    "Relationship": "following requested followed_by blocking muting user_id",
    "Post": "id author caption media visibility status sensitive comments_enabled tags mentions counts viewer "
    "created_at edited_at",
    "Mention": "id handle display_name avatar is_verified offset length",
    "PostCounts": "likes comments",
    "PostViewer": "liked saved",
    "Media": "id kind status error alt_text width height blurhash dominant_color variants created_at",
    "MediaError": "code detail",
    "Variant": "name content_type url width height bytes",
    "TokenPair": "access refresh token_type expires_in session_id user",
    "Settings": "show_sensitive theme discoverable keyboard_shortcuts",
    "DataExport": "status url expires_at",
    "Session": "id kind device_name ip user_agent created_at last_seen_at current",
    "NewUpload": "id media_id status upload",
    "UploadTarget": "method url headers expires_at",
    "Upload": "id media_id status",
    "UploadProgress": "id media_id status progress error media",
    "Follower": "user viewer followed_at",
    "Suggestion": "id handle display_name bio website avatar is_private is_verified counts created_at viewer "
    "followed_by_count",
    "RefreshedFeed": "results next_cursor new_since_last",
    "PostPage": "results next_cursor",
    "FoundTag": "tag posts",
    "Notification": "id type actors actor_count post_id comment_id preview read_at created_at updated_at",
    "Unread": "unread",
    "NotificationPreferences": "follow follow_request follow_accepted like comment reply mention comment_like "
    "moderation report",
    "Channels": "in_app push email",
    "Comment": "id post_id author text mentions parent_id counts viewer removed created_at",
    "CommentCounts": "likes replies",
    "CommentViewer": "liked",
    "Liked": "liked counts",
    "LikedComment": "liked counts",
    "Saved": "saved",
    "Liker": "user viewer liked_at",
    "Flag": "id target_type target_id category rule note status created_at",
    "OwnFlag": "id target_type target_id category rule note status created_at decided_at outcome reason may_object "
    "object_until objection",
    "Objection": "text status note created_at decided_at",
    "Decision": "id action target_type target_id created_at reversed_at subject paragraphs can_appeal appeal",
    "ModerationAction": "id actor action target_type target_id reason category rule created_at reversed_at",
    "PendingSignUp": "id handle email status expires_at",
    "Invitation": "code url max_uses uses created_at expires_at revoked_at",
    "InvitationValidity": "valid expires_at",
    "Application": "id user email email_verified reason status note created_at decided_at decided_by expires_at",
    "Appeal": "id action_id text status note created_at decided_at",
    "AppealCase": "id action_id text status note created_at decided_at appellant action decided_by",
}
CATEGORIES = {
    "spam",
    "nudity",
    "violence",
    "hate",
    "harassment",
    "self_harm",
    "illegal",
    "intellectual_property",
    "impersonation",
    "other",
}
ENUMS = {
    ("Notification", "type"): {
        "follow",
        "follow_request",
        "follow_accepted",
        "like",
        "comment",
        "reply",
        "mention",
        "comment_like",
        "moderation",
        "report",
    },
    ("Post", "visibility"): {"public", "followers"},
    ("Post", "status"): {"published", "processing", "failed", "taken_down"},
    ("DataExport", "status"): {"none", "pending", "processing", "ready", "expired", "failed"},
    ("Media", "kind"): {"image"},
    ("Media", "status"): {"pending", "uploaded", "processing", "ready", "failed"},
    ("MediaError", "code"): {
        "image_too_large",
        "image_corrupt",
        "image_type_mismatch",
        "image_unsupported",
        "processing_timeout",
        "banned_image",
    },
    ("Variant", "name"): {"thumb", "medium", "large"},
    ("Variant", "content_type"): {"image/webp", "image/jpeg"},
    ("Flag", "target_type"): {"user", "post", "comment"},
    ("Flag", "category"): CATEGORIES,
    ("Flag", "status"): {"open", "resolved", "dismissed", "obsolete"},
    ("MakeFlagRequest", "category"): CATEGORIES,
    ("TakeDownRequest", "category"): CATEGORIES,
    ("SuspendRequest", "category"): CATEGORIES,
    ("Instance", "registration"): {"open", "approval", "invite", "closed"},
    ("PendingSignUp", "status"): {"pending"},
    ("Application", "status"): {"pending", "approved", "rejected"},
    ("ModerationAction", "target_type"): {"user", "post", "comment"},
    ("ModerationAction", "category"): CATEGORIES,
}
NULLABLE = {
    ("DataExport", "url"),
    ("DataExport", "expires_at"),
    ("User", "avatar"),
    ("User", "viewer"),
    ("Post", "viewer"),
    ("Post", "edited_at"),
    ("Media", "error"),
    ("PostPage", "next_cursor"),
    ("Comment", "author"),
    ("Notification", "post_id"),
    ("Notification", "comment_id"),
    ("Notification", "preview"),
    ("Notification", "read_at"),
    ("Comment", "parent_id"),
    ("Comment", "viewer"),
    ("ModerationAction", "actor"),
    ("ModerationAction", "reversed_at"),
}
# Call → its success and the codes of its own.
CALLS = {
    "POST /auth/token": (
        200,
        "invalid_credentials account_suspended account_deactivated account_pending application_rejected token_reused "
        "second_factor_required two_factor_required wrong_code invalid_passkey invalid_challenge",
    ),
    "POST /auth/passkey-options": (200, ""),
    "POST /auth/identity/confirm": (204, "wrong_password wrong_code invalid_passkey"),
    "GET /users/me/second-factors": (200, ""),
    "POST /users/me/second-factors/totp": (200, "confirmation_required already_enrolled"),
    "POST /users/me/second-factors/totp/confirm": (200, "confirmation_required already_enrolled wrong_code"),
    "DELETE /users/me/second-factors/totp": (204, "confirmation_required not_enrolled two_factor_required"),
    "POST /users/me/second-factors/passkeys/options": (200, "confirmation_required"),
    "POST /users/me/second-factors/passkeys": (201, "confirmation_required invalid_passkey too_many_passkeys"),
    "PATCH /users/me/second-factors/passkeys/{passkey_id}": (200, "not_found"),
    "DELETE /users/me/second-factors/passkeys/{passkey_id}": (
        204,
        "confirmation_required two_factor_required not_found",
    ),
    "POST /users/me/second-factors/recovery-codes": (200, "confirmation_required not_enrolled"),
    "POST /auth/revoke": (204, ""),
    "GET /auth/me": (200, ""),
    "GET /auth/sessions": (200, ""),
    "POST /auth/password": (204, ""),
    "POST /auth/password/reset": (202, ""),
    "POST /auth/password/reset/confirm": (204, ""),
    "POST /auth/email/confirm": (204, ""),
    "POST /auth/email/resend": (202, ""),
    "GET /auth/email/change": (200, ""),
    "POST /auth/email/change": (202, "wrong_password email_taken"),
    "DELETE /auth/email/change": (204, ""),
    "POST /auth/email/change/confirm": (204, "invalid_link email_taken"),
    "POST /auth/email/revert": (204, "invalid_link"),
    "GET /auth/security-events": (200, "invalid_cursor"),
    "POST /users/me/handle": (200, "handle_taken handle_change_too_soon blocked_text"),
    "POST /users": (
        "201 202",
        "handle_taken email_taken idempotency_key_reused request_in_progress registration_closed invitation_required "
        "invalid_invitation under_age proof_of_work_required",
    ),
    "GET /users/challenge": (200, ""),
    "GET /invitations": (200, "invalid_cursor"),
    "POST /invitations": (201, "registration_closed invitation_quota_exceeded idempotency_key_reused"),
    "GET /invitations/{code}": (200, ""),
    "DELETE /invitations/{code}": (204, "not_found"),
    "GET /users": (200, "too_many_ids"),
    "GET /users/{user}": (200, "not_found"),
    "PATCH /users/{user}": (200, "permission_denied"),
    "DELETE /users/{user}": (202, ""),
    "POST /users/{user}/deactivate": (204, "wrong_password"),
    "POST /users/me/export": (202, "wrong_password export_in_progress export_too_soon"),
    "GET /users/me/export": (200, ""),
    "GET /users/{user}/posts": (200, "invalid_limit invalid_cursor"),
    "POST /users/{user}/follow": (200, "cannot_follow_self follower_limit_reached following_limit_reached"),
    "POST /users/{user}/unfollow": (200, ""),
    "POST /users/{user}/block": (200, ""),
    "POST /users/{user}/unblock": (200, ""),
    "POST /users/{user}/mute": (200, ""),
    "POST /users/{user}/unmute": (200, ""),
    "POST /users/{user}/remove-follower": (200, ""),
    "GET /users/{user}/followers": (200, "invalid_cursor"),
    "GET /users/{user}/following": (200, "invalid_cursor"),
    "GET /users/{user}/relationship": (200, ""),
    "GET /relationships": (200, "too_many_ids"),
    "GET /follow-requests": (200, ""),
    "POST /follow-requests/{user}/accept": (200, ""),
    "POST /follow-requests/{user}/reject": (200, ""),
    "GET /users/me/blocks": (200, ""),
    "GET /users/me/mutes": (200, ""),
    "GET /users/suggestions": (200, ""),
    "POST /posts": (201, "idempotency_key_reused request_in_progress"),
    "GET /posts/{post_id}": (200, "not_found"),
    "PATCH /posts/{post_id}": (200, "permission_denied"),
    "DELETE /posts/{post_id}": (204, "not_found"),
    "GET /tags/{tag}/posts": (200, ""),
    "POST /posts/{post_id}/like": (200, "not_found"),
    "DELETE /posts/{post_id}/like": (200, "not_found"),
    "POST /posts/{post_id}/save": (200, "not_found"),
    "DELETE /posts/{post_id}/save": (200, "not_found"),
    "GET /posts/{post_id}/likes": (200, "not_found invalid_cursor"),
    "POST /posts/{post_id}/comments": (201, "comments_disabled idempotency_key_reused request_in_progress"),
    "GET /posts/{post_id}/comments": (200, "not_found invalid_cursor"),
    "DELETE /posts/{post_id}/comments/{comment_id}": (204, "permission_denied not_found"),
    "POST /comments/{comment_id}/like": (200, "not_found"),
    "DELETE /comments/{comment_id}/like": (200, "not_found"),
    "GET /users/me/saved": (200, "invalid_cursor"),
    "GET /users/me/liked": (200, "invalid_cursor"),
    "GET /notifications": (200, "invalid_limit invalid_cursor"),
    "POST /notifications/{notification_id}/read": (200, "not_found"),
    "POST /notifications/read": (200, "not_found"),
    "GET /notifications/unread-count": (200, ""),
    "GET /notifications/preferences": (200, ""),
    "PUT /notifications/preferences": (200, ""),
    "DELETE /notifications/push-subscriptions/{subscription_id}": (204, "not_found"),
    "GET /search/users": (200, "invalid_query invalid_cursor"),
    "GET /search/posts": (200, "invalid_query invalid_cursor"),
    "GET /search/tags": (200, "invalid_query invalid_cursor"),
    "GET /instance": (200, ""),
    "GET /explore": (200, "invalid_cursor"),
    "GET /feed": (200, ""),
    "POST /feed/refresh": (200, ""),
    "POST /media/upload": (201, "unsupported_media_type file_too_large storage_unavailable blocked_text"),
    "POST /media/upload/{media_id}/complete": (202, "upload_missing upload_mismatch"),
    "GET /media/upload/{media_id}/status": (200, ""),
    "GET /media/{media_id}": (200, ""),
    "DELETE /media/{media_id}": (204, "media_in_use"),
    "POST /moderation/users/{user}/flag": ("200 201", "cannot_flag_self not_found"),
    "POST /moderation/posts/{post_id}/flag": ("200 201", "cannot_flag_self not_found"),
    "POST /moderation/comments/{comment_id}/flag": ("200 201", "cannot_flag_self not_found"),
    "POST /moderation/users/{user}/suspend": (200, "moderator_required two_factor_required cannot_moderate not_found"),
    "POST /moderation/users/{user}/unsuspend": (
        200,
        "moderator_required two_factor_required cannot_moderate not_found",
    ),
    "POST /moderation/posts/{post_id}/takedown": (
        200,
        "moderator_required two_factor_required cannot_moderate not_found",
    ),
    "POST /moderation/posts/{post_id}/restore": (
        200,
        "moderator_required two_factor_required cannot_moderate not_found",
    ),
    "POST /moderation/comments/{comment_id}/takedown": (
        200,
        "moderator_required two_factor_required cannot_moderate not_found",
    ),
    "POST /moderation/comments/{comment_id}/restore": (
        200,
        "moderator_required two_factor_required cannot_moderate not_found",
    ),
    "GET /moderation/flags": (200, "moderator_required two_factor_required validation_error invalid_cursor"),
    "POST /moderation/flags/{flag_id}/resolve": (
        200,
        "moderator_required two_factor_required cannot_moderate flag_closed",
    ),
    "GET /moderation/flags/mine": (200, "invalid_cursor"),
    "GET /moderation/flags/mine/{report_id}": (200, "not_found"),
    "POST /moderation/flags/mine/{report_id}/object": (201, "not_objectable already_objected not_found"),
    "GET /moderation/actions/mine": (200, "invalid_cursor"),
    "GET /moderation/audit": (200, "moderator_required two_factor_required validation_error invalid_cursor"),
    "GET /moderation/actions/{action_id}/statement": (200, "not_found invalid_link"),
    "POST /moderation/actions/{action_id}/appeal": (201, "already_appealed not_appealable not_found invalid_link"),
    "GET /moderation/appeals": (200, "moderator_required two_factor_required validation_error invalid_cursor"),
    "GET /moderation/applications": (200, "moderator_required two_factor_required validation_error invalid_cursor"),
    "POST /moderation/applications/{application_id}/decide": (
        200,
        "moderator_required two_factor_required application_decided not_found",
    ),
    "POST /moderation/appeals/{appeal_id}/decide": (
        200,
        "moderator_required two_factor_required own_decision appeal_decided",
    ),
}
EVERYWHERE = {"rate_limited", "unavailable"}
# These ignore the Authorization header.
WITHOUT_TOKEN = {
    "POST /auth/token",
    "POST /auth/passkey-options",
    "POST /auth/password/reset",
    "POST /auth/password/reset/confirm",
    "POST /auth/email/confirm",
    "POST /auth/email/change/confirm",
    "POST /auth/email/revert",
}
EVERY_WRITE = {"validation_error", "malformed_request", "body_too_large", "unsupported_content_type"}


BY_CALL = {f"{each.method} {each.path.removeprefix('/v1')}": each for each in OPERATIONS.values()}


@pytest.mark.parametrize("name", list(OBJECTS))
def test_every_object_has_exactly_its_fields(name):
    shape = SCHEMAS[name]
    assert set(shape["properties"]) == set(OBJECTS[name].split())
    assert set(shape["required"]) == set(shape["properties"])


@pytest.mark.parametrize(("name", "field"), list(ENUMS))
def test_every_enum_has_exactly_its_values(name, field):
    assert set(SCHEMAS[name]["properties"][field]["enum"]) == ENUMS[name, field]


@pytest.mark.parametrize(("name", "field"), sorted(NULLABLE))
def test_nullable_fields_are_declared(name, field):
    shape = SCHEMAS[name]["properties"][field]
    alternatives = shape.get("oneOf", []) + shape.get("anyOf", [])
    assert "null" in shape.get("type", []) or {"type": "null"} in alternatives


@pytest.mark.parametrize("call", list(CALLS))
def test_every_operation_has_its_success_status_and_error_codes(call):
    operation = BY_CALL[call]
    success, own = CALLS[call]
    assert sorted(status for status in operation.responses() if status.startswith("2")) == str(success).split()
    codes = {code for by_status in operation.error_codes().values() for code in by_status}
    assert set(own.split()) | EVERYWHERE | (EVERY_WRITE if operation.method != "GET" else set()) <= codes
    assert ("invalid_token" in codes) is (call not in WITHOUT_TOKEN)
