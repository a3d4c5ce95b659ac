"""The page of a feed as one SQL statement over one connection a thread, and nothing else: the token is believed,
nobody is blocked, muted, private or suspended, nothing is counted, logged or measured."""

import os
import threading
from typing import Any

import jwt
import orjson
import psycopg
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(
    SECRET_KEY="a benchmark signs nothing",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    # config/gunicorn.py reads it.
    REQUEST_MAX_BYTES=256 * 1024,
)
KEY, CDN = os.environ["JWT_SIGNING_KEY"], os.environ["MEDIA_CDN_URL"]
SUFFIXES = {"image/webp": "webp", "image/jpeg": "jpg"}
FEED = """
SELECT post.id, post.caption, post.visibility, post.sensitive, post.comments_enabled, post.like_count,
    post.comment_count, post.created_at, author.id, author.handle, author.display_name, author.is_verified,
    avatar.public_secret,
    (SELECT json_agg(json_build_array(m.id, m.alt_text, m.width, m.height, m.blurhash, m.dominant_color, m.variants,
            m.public_secret, m.created_at) ORDER BY item.position)
        FROM content_postmedia AS item JOIN media_media AS m ON m.id = item.medium_id WHERE item.post_id = post.id),
    (SELECT array_agg(tag.name ORDER BY has.position)
        FROM content_posttag AS has JOIN content_tag AS tag ON tag.id = has.tag_id WHERE has.post_id = post.id),
    EXISTS (SELECT 1 FROM engagement_like WHERE user_id = %(viewer)s AND post_id = post.id),
    EXISTS (SELECT 1 FROM engagement_save WHERE user_id = %(viewer)s AND post_id = post.id)
FROM (
    SELECT shown.id FROM social_follow AS f
    CROSS JOIN LATERAL (
        SELECT id FROM content_post WHERE author_id = f.followed_id AND status = 'published' AND taken_down_at IS NULL
        ORDER BY id DESC LIMIT 20
    ) AS shown
    WHERE f.follower_id = %(viewer)s
    ORDER BY shown.id DESC LIMIT 20
) AS newest
JOIN content_post AS post ON post.id = newest.id
JOIN accounts_user AS author ON author.id = post.author_id
LEFT JOIN media_media AS avatar ON avatar.id = author.avatar_id
ORDER BY post.id DESC
"""
_own = threading.local()


def feed(request: HttpRequest) -> HttpResponse:
    claims = jwt.decode(request.headers["Authorization"][7:], KEY, algorithms=["HS256"], audience="photogram-api")
    rows = _connection().execute(FEED, {"viewer": claims["sub"]}).fetchall()
    return HttpResponse(orjson.dumps({"results": [_card(row) for row in rows]}), content_type="application/json")


def _connection() -> "psycopg.Connection[Any]":
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    found: psycopg.Connection[Any] = _own.connection
    return found


def _card(row: tuple[Any, ...]) -> dict[str, Any]:
    pk, caption, visibility, sensitive, comments_enabled, likes, comments, created_at, *more = row
    author, handle, name, verified, avatar, media, tags, liked, saved = more
    return {
        "id": pk,
        "author": {
            "id": author,
            "handle": handle,
            "display_name": name,
            "is_verified": verified,
            "avatar": {size: f"{CDN}/{avatar}/{size}.webp" for size in ("thumb", "medium")} if avatar else None,
        },
        "caption": caption,
        "media": [_photo(*photo) for photo in media or ()],
        "visibility": visibility,
        "sensitive": sensitive,
        "comments_enabled": comments_enabled,
        "tags": tags or [],
        "counts": {"likes": likes, "comments": comments},
        "viewer": {"liked": liked, "saved": saved},
        "created_at": created_at,
    }


def _photo(
    pk: str, alt: str, width: int, height: int, blurhash: str, color: str, variants: Any, secret: str, created_at: str
) -> dict[str, Any]:
    return {
        "id": pk,
        "alt_text": alt,
        "width": width,
        "height": height,
        "blurhash": blurhash,
        "dominant_color": color,
        "variants": [
            variant | {"url": f"{CDN}/{secret}/{variant['name']}.{SUFFIXES[variant['content_type']]}"}
            for variant in variants
        ],
        "created_at": created_at,
    }


urlpatterns = [path("feed", feed)]
application = get_wsgi_application()
