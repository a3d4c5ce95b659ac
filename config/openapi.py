"""The OpenAPI document as a whole: its introduction, its servers and its tags. The operations come from the views."""

from pathlib import Path
from typing import Any

TAGS = {
    "Authentication": "Signing in and out, sessions, the password and the e-mail address of the current user.",
    "Second factors": "The authenticator app, the passkeys and the recovery codes of the current user.",
    "Users": "Sign-up, profiles, account deletion and the export of the user's data.",
    "Relationships": "Follows, follow requests, blocks and mutes.",
    "Posts": "Posts with up to ten photos, and lists of posts by user and by tag.",
    "Likes and saves": "Likes and saves of posts.",
    "Comments": "Comments on posts, replies to comments, and likes of comments.",
    "Feed": "The home feed, and popular posts.",
    "Media": "Uploads of photos, and their state.",
    "Notifications": "Notifications in the app, their preferences, and subscriptions to push messages.",
    "Search": "Search for users, posts and tags.",
    "Moderation": "Reports and appeals of users, and the decisions of moderators.",
    "Service": "The limits and features of the server, and its health.",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Photogram API",
    "DESCRIPTION": Path(__file__).with_suffix(".md").read_text(),
    "VERSION": "1.0.0",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "OAS_VERSION": "3.1.0",
    "SERVERS": [
        {"url": "/", "description": "The server of this document."},
        {"url": "http://127.0.0.1:8000", "description": "The development server (make run)."},
    ],
    "TAGS": [{"name": name, "description": description} for name, description in TAGS.items()],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": r"/v1",
    "AUTHENTICATION_WHITELIST": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "The access token of `POST /v1/auth/token`.",
            }
        },
    },
    "POSTPROCESSING_HOOKS": ["apps.core.api.components.complete"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # JavaScript, because it names a plugin of static/api/swagger.js.
    "SWAGGER_UI_SETTINGS": """{
        deepLinking: true,
        docExpansion: "none",
        defaultModelsExpandDepth: -1,
        filter: true,
        persistAuthorization: true,
        plugins: [LocalReferences],
    }""",
    "REDOC_DIST": "SIDECAR",
}
