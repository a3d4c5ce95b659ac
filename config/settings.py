"""Photogram's settings: one file, every deployment value from the environment.

The defaults are for development only. With ``PHOTOGRAM_ENV=production`` the process refuses to start with
an unsafe value (see ``refuse_unsafe_production``).
"""

import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from celery.exceptions import SecurityWarning
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.module_loading import import_string
from kombu import Queue
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.retry import Retry

from apps.core.db.deadline import DeadlineConnection
from config.brokers import broker_options, takes_remote_control
from config.environment import between, env, not_negative, positive
from config.logging import default_format, logging_config
from config.openapi import SPECTACULAR_SETTINGS  # noqa: F401  (read as settings.SPECTACULAR_SETTINGS)
from config.queues import DEFAULT, QUEUES, ROUTES
from config.schedule import SCHEDULE  # noqa: F401  (read as settings.SCHEDULE)

BASE_DIR = Path(__file__).resolve().parent.parent

ENVIRONMENT = env.str("PHOTOGRAM_ENV", "development")
if ENVIRONMENT not in {"development", "test", "production"}:
    raise ImproperlyConfigured("PHOTOGRAM_ENV must be development, test or production.")
PRODUCTION = ENVIRONMENT == "production"
TESTING = ENVIRONMENT == "test"
DEBUG = False


def _origin(url: str) -> str:
    """The scheme, host and port of a URL, as browsers send them in `Origin`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _passkey_host(url: str) -> str:
    """The host of a URL; `localhost` for the addresses of this machine."""
    host = urlsplit(url).hostname or ""
    return "localhost" if host in {"127.0.0.1", "::1"} else host


def _passkey_origins(domain: str, *urls: str) -> list[str]:
    """The origins of those URLs that are on the domain."""
    on_domain = [url for url in urls if f".{_passkey_host(url)}".endswith(f".{domain}")]
    ports = {url: f":{port}" if (port := urlsplit(url).port) else "" for url in on_domain}
    return list(dict.fromkeys(f"{urlsplit(url).scheme}://{_passkey_host(url)}{ports[url]}" for url in on_domain))


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────
DEVELOPMENT_KEY = "development-only-key-that-production-refuses-to-start-with"
SECRET_KEY = env.str("SECRET_KEY", DEVELOPMENT_KEY)
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
JWT_SIGNING_KEY = env.str("JWT_SIGNING_KEY", DEVELOPMENT_KEY)
# Former keys: they still verify tokens but sign no new ones.
JWT_SIGNING_KEY_FALLBACKS: list[str] = env.list("JWT_SIGNING_KEY_FALLBACKS", [])

# ── The site ─────────────────────────────────────────────────────────────────────────────────────────────
VERSION = "0.1.0"
SITE_NAME = env.str("SITE_NAME", "Photogram")
SITE_DESCRIPTION = env.str("SITE_DESCRIPTION", "Share photographs with the people you choose.")
# An e-mail address for questions of members and visitors.
SITE_CONTACT = env.str("SITE_CONTACT", "")

# ── Hosts, URLs, CORS ────────────────────────────────────────────────────────────────────────────────────
ALLOWED_HOSTS: list[str] = env.list(
    "ALLOWED_HOSTS", [] if PRODUCTION else ["localhost", "127.0.0.1", "[::1]", "testserver"]
)
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
# The front end that opens the links in mails; `{token}` is appended as a query parameter.
CLIENT_URL = env.str("CLIENT_URL", PUBLIC_URL).rstrip("/")
PROBLEM_TYPE_BASE = env.str("PROBLEM_TYPE_BASE", "https://photogram.example/errors/")
# How many proxies in front of us append to X-Forwarded-For; 0 trusts none.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=not_negative)
# In production the web client may call the API; in development every page may.
CORS_ALLOWED_ORIGINS: list[str] = env.list("CORS_ALLOWED_ORIGINS", [_origin(CLIENT_URL)] if PRODUCTION else [])
CORS_ALLOW_ALL_ORIGINS = not PRODUCTION and not CORS_ALLOWED_ORIGINS
CORS_URLS_REGEX = r"^/v1/"
CORS_EXPOSE_HEADERS = [
    "ETag",
    "Idempotency-Replayed",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Request-ID",
]
CORS_ALLOW_HEADERS = ["authorization", "content-type", "idempotency-key", "if-none-match", "x-request-id"]

# ── Applications: ours from the bottom of the stack to the top ───────────────────────────────────────────
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sitemaps",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "corsheaders",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "apps.core",
    "apps.site",
    "apps.safety",
    "apps.media",
    "apps.accounts",
    "apps.social",
    "apps.content",
    "apps.engagement",
    "apps.feed",
    "apps.search",
    "apps.moderation",
    "apps.notifications",
    "apps.console",
    "apps.web",
    "django_htmx",
    "demo",
]

MIDDLEWARE = [
    "apps.core.api.middleware.RequestContextMiddleware",
    "apps.core.api.middleware.LanguageMiddleware",
    "apps.core.api.middleware.SecurityHeadersMiddleware",
    "apps.web.middleware.PageHeadersMiddleware",
    "apps.web.middleware.ErrorPageMiddleware",
    "apps.core.api.middleware.TrailingSlashMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "apps.core.api.middleware.BodyLimitMiddleware",
    "apps.core.api.middleware.OutageMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.web.middleware.WebSessionMiddleware",
    "apps.accounts.api.console_sessions.ConsoleSessionMiddleware",
    "apps.accounts.api.console.TwoFactorMiddleware",
    "apps.console.middleware.NullCharacterMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# A trailing slash is optional, so that no redirect is needed.
APPEND_SLASH = False

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

UNFOLD = {
    "SITE_TITLE": "apps.moderation.admin.navigation.site_title",
    "SITE_HEADER": "apps.moderation.admin.navigation.site_title",
    # No link "Return to site": the API has no pages.
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("console/favicon.svg")},
    ],
    "STYLES": [
        lambda request: static("console/console.css"),
        lambda request: static("console/insight.css"),
        lambda request: static("console/rights.css"),
    ],
    "LOGIN": {"form": "apps.accounts.api.console.LimitedLogin"},
    "ACCOUNT": {"navigation": "apps.accounts.api.console.account_links"},
    "DASHBOARD_CALLBACK": "apps.moderation.admin.navigation.landing",
    "SIDEBAR": {"navigation": "apps.moderation.admin.navigation.sidebar"},
}

# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────
DATABASES: dict[str, Any] = {"default": env.dj_db_url("DATABASE_URL", "postgresql://postgres@127.0.0.1:5432/photogram")}
# The URL of the server itself if DATABASE_URL names a PgBouncer: for tools that need a session (backups).
DATABASE_DIRECT_URL = env.str("DATABASE_DIRECT_URL", env.str("DATABASE_URL", ""))
# PgBouncer in transaction mode: each transaction may get another session of the server.
DATABASE_BEHIND_PGBOUNCER = env.bool("DATABASE_BEHIND_PGBOUNCER", False)
DATABASE_STATEMENT_TIMEOUT_MS = env.int("DATABASE_STATEMENT_TIMEOUT_MS", 15_000, validate=not_negative)
# Longer in tests, because these may run on a busy machine.
DATABASE_LOCK_TIMEOUT_MS = 30_000 if TESTING else 3_000
DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000
# How often the server checks during a statement whether the client is still connected.
DATABASE_CLIENT_CHECK_MS = 1_000
# How long a request waits for a connection. The pool has more connections than the process has threads, so a request
# waits only if the server is unavailable.
DATABASE_POOL_TIMEOUT_SECONDS = 3.0
DATABASES["default"] |= {
    "ENGINE": "django.db.backends.postgresql",
    "CONN_MAX_AGE": 0,
    # One round trip per request, so that no request gets a connection that was closed while idle.
    "CONN_HEALTH_CHECKS": True,
    # A server-side cursor would remain in the session that opened it.
    "DISABLE_SERVER_SIDE_CURSORS": DATABASE_BEHIND_PGBOUNCER,
    "OPTIONS": {
        "connect_timeout": 3,
        # Statements of `apps/core/db/queries.py` are planned once per session. Django never prepares statements of the
        # ORM. Behind PgBouncer no statement is prepared, because sessions are shared.
        "prepare_threshold": None if DATABASE_BEHIND_PGBOUNCER else 0,
        # One pool per process. A request that gets no connection in time is answered with 503.
        "pool": {
            "min_size": env.int("DATABASE_POOL_MIN", 1, validate=not_negative),
            "max_size": env.int("DATABASE_POOL_MAX", 10, validate=positive),
            "timeout": DATABASE_POOL_TIMEOUT_SECONDS,
            "max_idle": 300,
            "reconnect_timeout": 5,
            "connection_class": DeadlineConnection,
        },
        # A server that disappears from the network is detected within 15 s, in tasks as well.
        "keepalives_idle": 5,
        "keepalives_interval": 5,
        "keepalives_count": 2,
        "tcp_user_timeout": 15_000,
        # Options of the URL, such as sslmode.
        **DATABASES["default"].get("OPTIONS", {}),
    },
}
if not DATABASE_BEHIND_PGBOUNCER:
    # PgBouncer refuses connections with options. Set them for the role instead (docs/operations.md).
    DATABASES["default"]["OPTIONS"]["options"] = (
        f"-c statement_timeout={DATABASE_STATEMENT_TIMEOUT_MS} -c lock_timeout={DATABASE_LOCK_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={DATABASE_IDLE_IN_TRANSACTION_TIMEOUT_MS} "
        f"-c client_connection_check_interval={DATABASE_CLIENT_CHECK_MS} "
        # Otherwise PostgreSQL plans many statements anew each time, because it estimates a custom plan to be cheaper.
        "-c plan_cache_mode=force_generic_plan "
        # The default, 4, is for rotating disks: PostgreSQL would scan a table instead of reading ten rows by an index.
        "-c random_page_cost=1.1"
    )
if TESTING:
    # No pool, because the test runner creates and drops databases and tests use threads of their own.
    DATABASES["default"]["OPTIONS"].pop("pool")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# ── Redis or Valkey, as a cache ──────────────────────────────────────────────────────────────────────────
REDIS_URL = env.str("REDIS_URL", "redis://127.0.0.1:6379/0")
# Parallel test workers share a server; each has its own keys.
REDIS_KEY_PREFIX = f"photogram:{env.str('PYTEST_XDIST_WORKER', '')}"
REDIS_TIMEOUT_SECONDS = 2.0 if TESTING else 0.25
REDIS_BREAKER_SECONDS = 5.0
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_KEY_PREFIX,
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            # A connection that was closed while idle is replaced once. A timeout is not retried.
            "CONNECTION_POOL_KWARGS": {"retry": Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,))},
        },
    },
    # Parts of pages, in the memory of each process: those that depend on the language only (`{% cache %}`), and posts
    # (`{% article %}`, 4 KB each).
    "parts": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "parts",
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}

# ── Object storage ───────────────────────────────────────────────────────────────────────────────────────
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", "http://127.0.0.1:8333")
# Where clients reach the same storage, when that differs from where we do.
S3_PUBLIC_ENDPOINT_URL = env.str("S3_PUBLIC_ENDPOINT_URL", S3_ENDPOINT_URL)
S3_ACCESS_KEY_ID = env.str("S3_ACCESS_KEY_ID", "")
S3_SECRET_ACCESS_KEY = env.str("S3_SECRET_ACCESS_KEY", "")
S3_REGION = env.str("S3_REGION", "us-east-1")
S3_PRIVATE_BUCKET = env.str("S3_PRIVATE_BUCKET", "photogram-private")
S3_PUBLIC_BUCKET = env.str("S3_PUBLIC_BUCKET", "photogram-public")
MEDIA_CDN_URL = env.str("MEDIA_CDN_URL", f"{S3_PUBLIC_ENDPOINT_URL}/{S3_PUBLIC_BUCKET}").rstrip("/")
# Called with each object's public URL when it must vanish; empty when the CDN is the bucket itself.
MEDIA_CDN_PURGE_URL = env.str("MEDIA_CDN_PURGE_URL", "")
# How long the signed URL of a photo that is not public works after a block, since a URL is not bound to its viewer.
MEDIA_URL_LIFETIME = timedelta(seconds=env.int("MEDIA_URL_LIFETIME_SECONDS", 600, validate=positive))
MEDIA_UPLOAD_LIFETIME = timedelta(minutes=15)
MEDIA_MAX_BYTES = env.int("MEDIA_MAX_BYTES", 30 * 1000 * 1000, validate=positive)
MEDIA_MAX_PIXELS = env.int("MEDIA_MAX_PIXELS", 64_000_000, validate=positive)
MEDIA_MAX_SCANS = env.int("MEDIA_MAX_SCANS", 100, validate=positive)
# Ten scans, the number that encoders write, of the most pixels that are allowed.
MEDIA_MAX_SCAN_MEGAPIXELS = env.int("MEDIA_MAX_SCAN_MEGAPIXELS", 700, validate=positive)
# Seconds of the pipeline for the uploads of a user within an hour. A photo takes about a second.
MEDIA_PROCESSING_SECONDS_PER_HOUR = env.int("MEDIA_PROCESSING_SECONDS_PER_HOUR", 600, validate=positive)
MEDIA_PENDING_UPLOADS_PER_USER = env.int("MEDIA_PENDING_UPLOADS_PER_USER", 50, validate=positive)
MEDIA_PENDING_BYTES_PER_USER = env.int("MEDIA_PENDING_BYTES_PER_USER", 500 * 1000 * 1000, validate=positive)
# What happens to an upload that resembles a blocked image: "refuse" rejects it, "flag" accepts it and reports the post
# that contains it.
BLOCKED_IMAGES = env.str("BLOCKED_IMAGES", "refuse")
if BLOCKED_IMAGES not in {"refuse", "flag"}:
    raise ImproperlyConfigured("BLOCKED_IMAGES must be refuse or flag.")
# Differing bits, of 256. ThreatExchange recommends 31 for PDQ.
BLOCKED_IMAGE_DISTANCE = env.int("BLOCKED_IMAGE_DISTANCE", 31, validate=between(0, 256))
MEDIA_LEASE = timedelta(seconds=30)
MEDIA_MAX_ATTEMPTS = 5


def _bucket(
    name: str, *, endpoint: str = S3_ENDPOINT_URL, cache_control: str = "", **timeouts: float
) -> dict[str, Any]:
    """A bucket for `STORAGES`. `timeouts` are those of ObjectStorage, in seconds."""
    return {
        "BACKEND": "config.object_storage.ObjectStorage",
        "OPTIONS": {
            "bucket_name": name,
            "endpoint_url": endpoint,
            "region_name": S3_REGION,
            "access_key": S3_ACCESS_KEY_ID,
            "secret_key": S3_SECRET_ACCESS_KEY,
            "object_parameters": {"CacheControl": cache_control} if cache_control else {},
            **timeouts,
        },
    }


# Whether `collectstatic` has filled STATIC_ROOT with compressed files whose names contain hashes. Otherwise they are
# served from the packages, as in tests.
STATIC_COLLECTED = PRODUCTION or bool(env.str("STATIC_ROOT", ""))
STORAGES = {
    # Originals, variants and exports. URLs of its objects are signed (apps/media/urls.py).
    "default": _bucket(S3_PRIVATE_BUCKET, cache_control="private, max-age=31536000, immutable"),
    # Copies of variants that everybody may see.
    "public": _bucket(S3_PUBLIC_BUCKET, cache_control="public, max-age=31536000, immutable"),
    # The private bucket again, for API requests: they do not wait long.
    "interactive": _bucket(S3_PRIVATE_BUCKET, connect_timeout=1.0, read_timeout=3.0),
    # The private bucket under the address that clients use: signs upload URLs.
    "presigned": _bucket(S3_PRIVATE_BUCKET, endpoint=S3_PUBLIC_ENDPOINT_URL),
    "staticfiles": {
        "BACKEND": "config.storage.StaticFilesStorage"
        if STATIC_COLLECTED
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = env.str("STATIC_ROOT", "") or BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = not STATIC_COLLECTED
# Each test client creates the middleware, which would list all files first.
WHITENOISE_AUTOREFRESH = TESTING
if not PRODUCTION:
    # STATIC_ROOT may not exist: then static files are served from the packages.
    warnings.filterwarnings("ignore", message="No directory at")
    # Containers and test machines run everything as root.
    warnings.filterwarnings("ignore", category=SecurityWarning, module="celery.platforms")

# ── Accounts and sessions ────────────────────────────────────────────────────────────────────────────────
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.OneQueryBackend"]
AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
if TESTING:
    # Fast, because tests sign in thousands of times. One test checks the real hasher.
    PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
PASSWORD_MAX_LENGTH = 1024
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("handle", "email", "display_name")},
    },
]
ACCESS_TOKEN_LIFETIME = timedelta(seconds=env.int("ACCESS_TOKEN_LIFETIME_SECONDS", 900, validate=positive))
REFRESH_TOKEN_LIFETIME = timedelta(days=env.int("REFRESH_TOKEN_LIFETIME_DAYS", 30, validate=positive))
SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": ACCESS_TOKEN_LIFETIME,
    "ALGORITHM": "HS256",
    "SIGNING_KEY": JWT_SIGNING_KEY,
    "AUDIENCE": "photogram-api",
    "ISSUER": "photogram",
    "USER_ID_FIELD": "id",
    "USER_ID_CLAIM": "sub",
    "AUTH_TOKEN_CLASSES": ["apps.accounts.tokens.AccessToken"],
}
REFRESH_REUSE_GRACE = timedelta(seconds=env.int("REFRESH_REUSE_GRACE_SECONDS", 30, validate=not_negative))
# A console session ends after this time without a request, and after its lifetime in any case.
CONSOLE_IDLE_TIMEOUT = timedelta(hours=env.int("CONSOLE_IDLE_HOURS", 2, validate=positive))
CONSOLE_SESSION_LIFETIME = timedelta(hours=env.int("CONSOLE_SESSION_HOURS", 12, validate=positive))
SESSION_COOKIE_AGE = int(CONSOLE_SESSION_LIFETIME.total_seconds())
# Whether members must confirm their address before they post, comment or follow more than a few accounts.
REQUIRE_CONFIRMED_EMAIL = env.bool("REQUIRE_CONFIRMED_EMAIL", PRODUCTION)
# How many accounts they may follow, or ask to follow, before.
UNCONFIRMED_FOLLOWS = 5
PASSWORD_RESET_LIFETIME = timedelta(hours=1)
EMAIL_CONFIRM_LIFETIME = timedelta(days=3)
# How long the old address can revert a change of the e-mail address.
EMAIL_REVERT_LIFETIME = timedelta(days=7)
# Only the console has a login form.
LOGIN_REDIRECT_URL = "admin:index"
# Two-factor authentication of staff. Staff who have set it up must always enter a code. With "required", all others
# must set it up before they can use the console.
STAFF_TWO_FACTOR = env.str("STAFF_TWO_FACTOR", "required" if PRODUCTION else "optional")
if STAFF_TWO_FACTOR not in {"required", "optional"}:
    raise ImproperlyConfigured("STAFF_TWO_FACTOR must be required or optional.")


def name_of_site(device: Any) -> str:
    """What authenticator apps show beside the code. Imported when it is called: the app has models."""
    return str(import_string("apps.site.reads.current")().name)


OTP_TOTP_ISSUER = name_of_site
# RATE_LIMITS count the attempts instead, which lock nobody out permanently.
OTP_TOTP_THROTTLE_FACTOR = 0
# How long a session may change second factors after its sign-in, or after its user has confirmed their identity.
CONFIRMATION_LIFETIME = timedelta(minutes=15)
# Passkeys belong to a domain and work on it and the names below it; these are the pages (or apps) that may use them.
# Browsers accept no address as the domain: in development the site must be opened as localhost.
PASSKEY_DOMAIN = env.str("PASSKEY_DOMAIN", _passkey_host(PUBLIC_URL))
PASSKEY_ORIGINS: list[str] = env.list("PASSKEY_ORIGINS", _passkey_origins(PASSKEY_DOMAIN, PUBLIC_URL, CLIENT_URL))
ERASURE_GRACE = timedelta(days=env.int("ERASURE_GRACE_DAYS", 14, validate=not_negative))
# While moderators decide on each sign-up: how long an application waits before its account is erased, and how long the
# account of a rejected one is kept, so that its owner can read the reason.
APPLICATION_LIFETIME = timedelta(days=env.int("APPLICATION_LIFETIME_DAYS", 30, validate=positive))
REJECTED_APPLICATION_KEPT = timedelta(days=7)
EXPORT_LIFETIME = timedelta(hours=env.int("EXPORT_LIFETIME_HOURS", 24, validate=positive))
EXPORT_INTERVAL = timedelta(days=1)
# The number of exports that run at the same time in all workers, because an export may take long.
EXPORTS_AT_ONCE = env.int("EXPORTS_AT_ONCE", 1, validate=positive)
HANDLE_QUARANTINE = timedelta(days=30)
HANDLE_CHANGE_INTERVAL = timedelta(days=14)
FOLLOWER_LIMIT = env.int("FOLLOWER_LIMIT", 5000, validate=positive)
FOLLOWING_LIMIT = env.int("FOLLOWING_LIMIT", 5000, validate=positive)

# ── E-mail ───────────────────────────────────────────────────────────────────────────────────────────────
EMAIL_BACKEND = env.str(
    "EMAIL_BACKEND",
    "django.core.mail.backends.smtp.EmailBackend" if PRODUCTION else "django.core.mail.backends.console.EmailBackend",
)
if email_url := env.str("EMAIL_URL", ""):
    globals().update(env.dj_email_url("EMAIL_URL"))
EMAIL_TIMEOUT = 10
# Functions whose results the templates of all mails get.
MAIL_CONTEXT_PROCESSORS = ["apps.site.mails.mail_context"]
# Whether users may sign up with addresses such as user@localhost or user@[127.0.0.1].
EMAIL_ALLOW_LOCAL_ADDRESSES = not PRODUCTION
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Photogram <noreply@photogram.example>")

# ── Web Push: a key pair of `manage.py make_vapid_keys`; without it, push is disabled ────────────────────
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", "")
VAPID_PUBLIC_KEY = env.str("VAPID_PUBLIC_KEY", "")
# A contact for operators of push services (RFC 8292, section 2.1).
VAPID_SUBJECT = env.str("VAPID_SUBJECT", "mailto:noreply@photogram.example")

# ── The API ──────────────────────────────────────────────────────────────────────────────────────────────
REQUEST_MAX_BYTES = 256 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = REQUEST_MAX_BYTES
REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.api.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["apps.core.api.renderers.JSONRenderer"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "apps.core.api.schema.PhotogramSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "apps.core.api.renderers.AlwaysJSON",
    # The renderer formats times.
    "DATETIME_FORMAT": None,
    "EXCEPTION_HANDLER": "apps.core.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
# An IPv6 client has a whole network of addresses; its requests are counted together.
RATE_LIMIT_IPV6_PREFIX = env.int("RATE_LIMIT_IPV6_PREFIX", 64, validate=between(1, 128))
# {scope: (requests, seconds)}. Anonymous clients are counted by address, users by account.
RATE_LIMITS_ENABLED = env.bool("RATE_LIMITS", True)
RATE_LIMITS: dict[str, tuple[int, int]] = {
    "read": (600, 60),
    "write": (120, 60),
    "anonymous": (120, 60),
    "sign_up": (10, 3600),
    "sign_in_address": (30, 300),
    "sign_in_account": (10, 300),
    "password": (10, 900),
    "two_factor": (10, 900),
    "mail_address": (10, 3600),
    "mail_account": (3, 3600),
    # By session.
    "refresh": (30, 300),
    # Secrets of links by account, and unknown secrets by address.
    "token": (30, 300),
    # Expired and revoked access tokens by session, and unknown ones by address.
    "invalid_bearer": (120, 60),
    "upload": (300, 3600),
    # Codes of invitations that visitors try, and challenges for sign-up.
    "invitation": (30, 300),
    "challenge": (60, 3600),
    "flag": (60, 3600),
}

# ── Celery: tasks are rows of the outbox until they are done ─────────────────────────────────────────────
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "redis://127.0.0.1:6379/1")
CELERY_BROKER_TRANSPORT_OPTIONS = broker_options(
    CELERY_BROKER_URL,
    prefix=env.str("CELERY_QUEUE_PREFIX", ""),
    region=env.str("CELERY_SQS_REGION", S3_REGION),
    tls=env.bool("CELERY_SQS_TLS", True),
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_ENABLE_REMOTE_CONTROL = takes_remote_control(CELERY_BROKER_URL)
# A task that is not done within the lease is announced again. A failed task is retried with growing pauses, and becomes
# a dead letter after TASK_TRIES attempts. See apps/core/tasks/outbox.py.
TASK_TRIES = env.int("TASK_TRIES", 5, validate=positive)
TASK_LEASE = timedelta(seconds=env.int("TASK_LEASE_SECONDS", 45, validate=positive))
TASK_LONGEST_LEASE = timedelta(minutes=15)
TASK_RETRY_SECONDS = env.float("TASK_RETRY_SECONDS", 2.0, validate=not_negative)
WORKER_STALLED_SECONDS = env.int("WORKER_STALLED_SECONDS", 60, validate=positive)
# The kinds of workers that must run: what is before the @ in --hostname, as in the Procfile.
WORKER_NAMES: list[str] = env.list("WORKER_NAMES", ["worker", "media"])
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in QUEUES]
CELERY_TASK_DEFAULT_QUEUE = DEFAULT
CELERY_TASK_ROUTES = ([(pattern, {"queue": name}) for pattern, name in ROUTES],)
CELERY_TASK_ANNOTATIONS = ["apps.core.tasks.queues:TimeLimits"]
CELERY_TASK_IGNORE_RESULT = True
# A message is acknowledged when its task has ended. If the process was killed, the message is redelivered at once.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "apps.core.tasks.scheduler:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 5

# A limit for each job that reads whole tables; 0 for no limit.
MAINTENANCE_ROWS_PER_SECOND = env.int("MAINTENANCE_ROWS_PER_SECOND", 2000, validate=not_negative)

# ── The feed ─────────────────────────────────────────────────────────────────────────────────────────────
# Visits after which a reader counts as active. A visit counts half after five minutes, a quarter after ten.
FEED_HOT_VISITS = env.float("FEED_HOT_VISITS", 5.0, validate=positive)
FEED_BACKFILL_PER_SECOND = env.float("FEED_BACKFILL_PER_SECOND", 20.0, validate=not_negative)
FEED_SNAPSHOT_SECONDS = env.int("FEED_SNAPSHOT_SECONDS", 300, validate=positive)
FEED_STALE_SECONDS = env.int("FEED_STALE_SECONDS", 3600, validate=positive)
# Thresholds above which the feed counts as busy (apps/feed/policy.py).
FEED_BUSY_QUEUE = env.int("FEED_BUSY_QUEUE", 1000, validate=positive)
FEED_BUSY_SECONDS = env.float("FEED_BUSY_SECONDS", 0.5, validate=positive)
FEED_HIT_RATIO = env.float("FEED_HIT_RATIO", 0.8, validate=between(0, 1))

# ── Moderation ───────────────────────────────────────────────────────────────────────────────────────────
# How long a case is reserved for the moderator who opened it.
CLAIM_MINUTES = env.int("CLAIM_MINUTES", 15, validate=positive)
# A permanent suspension (or one of more than a year) needs two moderators: one proposes it, another confirms it.
MODERATION_FOUR_EYES = env.bool("MODERATION_FOUR_EYES", False)
TEAM_NOTE_LIFETIME = timedelta(days=env.int("TEAM_NOTE_LIFETIME_DAYS", 730, validate=positive))
PROPOSAL_LIFETIME = timedelta(days=env.int("PROPOSAL_LIFETIME_DAYS", 7, validate=positive))

# ── Security of pages and cookies ────────────────────────────────────────────────────────────────────────
SECURE_SSL_REDIRECT = False
SECURE_REDIRECT_EXEMPT: list[str] = []
SESSION_COOKIE_SECURE = PRODUCTION
# The cookie of a browser that is signed in to the pages. Browsers accept the prefix __Host- only over https.
WEB_SESSION_COOKIE = "__Host-photogram" if PRODUCTION else "photogram"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = PRODUCTION
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.web.errors.csrf_failure"
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])
SECURE_HSTS_SECONDS = 31_536_000 if PRODUCTION else 0
# Both bind all names below the host, and browsers remember them for a year: only for a domain that has nothing else.
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", False)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_INCLUDE_SUBDOMAINS", SECURE_HSTS_PRELOAD)
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# The proxy terminates TLS and redirects plain HTTP. Subdomains and the preload list are the operator's choice.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]

# ── Language, time, logs ─────────────────────────────────────────────────────────────────────────────────
# Of the source texts, and of what operators read: the console, commands and logs.
LANGUAGE_CODE = "en"
# The languages of mails, pages and errors. The console and the OpenAPI document are English.
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("fr", "Français"), ("es", "Español")]
# For readers who prefer none of these, and the language in which every rule and announcement must be written.
SITE_LANGUAGE = env.str("SITE_LANGUAGE", LANGUAGE_CODE)
if SITE_LANGUAGE not in dict(LANGUAGES):
    raise ImproperlyConfigured(f"SITE_LANGUAGE must be one of {', '.join(dict(LANGUAGES))}.")
LOCALE_PATHS = [BASE_DIR / "locale"]
# The choice of a visitor; members have a setting.
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = PRODUCTION
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"
USE_TZ = True
TIME_ZONE = "UTC"
LOGGING_CONFIG = None
LOG_FORMAT = env.str("LOG_FORMAT", default_format(ENVIRONMENT))
LOG_LEVEL = env.str("LOG_LEVEL", "WARNING" if TESTING else "INFO")
# False: logs contain only the /24 or /48 network of an address.
LOG_FULL_ADDRESSES = env.bool("LOG_FULL_ADDRESSES", False)
# Unexpected errors are reported here; empty: nowhere.
SENTRY_DSN = env.str("SENTRY_DSN", "")
logging_config(log_format=LOG_FORMAT, level=LOG_LEVEL, full_addresses=LOG_FULL_ADDRESSES, sentry=bool(SENTRY_DSN))

METRICS_TOKEN = env.str("METRICS_TOKEN", "")


def is_weak(key: str, *, shortest: int) -> bool:
    """Whether the key is the public default, short, or consists of a few repeated characters."""
    return key == DEVELOPMENT_KEY or len(key.encode()) < shortest or len(set(key)) < 8


def refuse_unsafe_production() -> None:
    """Raises ImproperlyConfigured with all values that are only safe for development."""
    required = ["DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "S3_ENDPOINT_URL"]
    # Tokens, links with secrets and photos are sent to these.
    urls = ["PUBLIC_URL", "CLIENT_URL", "S3_PUBLIC_ENDPOINT_URL", "MEDIA_CDN_URL"]
    refused = {
        "SECRET_KEY must be set, 50 characters or more, random": is_weak(SECRET_KEY, shortest=50),
        "JWT_SIGNING_KEY must be set, 32 bytes or more, random": is_weak(JWT_SIGNING_KEY, shortest=32),
        "SECRET_KEY and JWT_SIGNING_KEY must differ": SECRET_KEY == JWT_SIGNING_KEY,
        # Fallback keys verify tokens and signatures, like the current key.
        "SECRET_KEY_FALLBACKS must have been safe keys": any(is_weak(key, shortest=50) for key in SECRET_KEY_FALLBACKS),
        "JWT_SIGNING_KEY_FALLBACKS must have been safe keys": any(
            is_weak(key, shortest=32) for key in JWT_SIGNING_KEY_FALLBACKS
        ),
        "ALLOWED_HOSTS must name the hosts": not ALLOWED_HOSTS or any("*" in host for host in ALLOWED_HOSTS),
        "CORS_ALLOWED_ORIGINS must name the origins": any("*" in origin for origin in CORS_ALLOWED_ORIGINS),
        "RATE_LIMITS cannot be off": not RATE_LIMITS_ENABLED,
        "S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY must be set": not S3_ACCESS_KEY_ID or not S3_SECRET_ACCESS_KEY,
        "S3_PRIVATE_BUCKET and S3_PUBLIC_BUCKET must differ": S3_PRIVATE_BUCKET == S3_PUBLIC_BUCKET,
        "METRICS_TOKEN must be set, 16 characters or more": len(METRICS_TOKEN) < 16,
        "EMAIL_URL must be set, with smtp": not email_url.startswith("smtp"),
        # Other backends would disclose the secrets in mails, or lose the mails.
        "EMAIL_BACKEND must send mails": EMAIL_BACKEND.split(".")[-2] in {"console", "dummy", "filebased", "locmem"},
        "VAPID_PRIVATE_KEY and VAPID_PUBLIC_KEY are set together or not at all": bool(VAPID_PRIVATE_KEY)
        != bool(VAPID_PUBLIC_KEY),
        **{f"{name} must be set": not env.str(name, "") for name in required},
        **{f"{name} must be set, with https": not globals()[name].startswith("https://") for name in urls},
    }
    if faults := [message for message, fault in refused.items() if fault]:
        raise ImproperlyConfigured("Photogram does not start in production: " + "; ".join(faults) + ".")


if PRODUCTION:
    refuse_unsafe_production()
