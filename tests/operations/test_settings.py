"""Production starts on safe settings and on no others (promises O2 and A7)."""

import pytest

from tests.operations.environments import documented, started

DEVELOPMENT_KEY = "development-only-key-that-production-refuses-to-start-with"
GOOD_KEY = "c4Vn8Zq1Lx6Wm2Rk9Tb5Ys7Hd3Jf0PgAc4Vn8Zq1Lx6Wm2Rk9Tb5"
# What is set (None: unset), and what the refusal must name.
UNSAFE: list[tuple[dict[str, str | None], str]] = [
    ({"SECRET_KEY": None}, "SECRET_KEY must"),
    ({"SECRET_KEY": DEVELOPMENT_KEY}, "SECRET_KEY must"),
    ({"SECRET_KEY": "aB3-" * 12}, "SECRET_KEY must"),
    ({"SECRET_KEY": "x" * 80}, "SECRET_KEY must"),
    ({"SECRET_KEY_FALLBACKS": f"{GOOD_KEY},{DEVELOPMENT_KEY}"}, "SECRET_KEY_FALLBACKS"),
    ({"JWT_SIGNING_KEY": None}, "JWT_SIGNING_KEY must"),
    ({"JWT_SIGNING_KEY": DEVELOPMENT_KEY}, "JWT_SIGNING_KEY must"),
    ({"JWT_SIGNING_KEY": GOOD_KEY[:31]}, "JWT_SIGNING_KEY must"),
    ({"JWT_SIGNING_KEY": "0" * 40}, "JWT_SIGNING_KEY must"),
    ({"JWT_SIGNING_KEY_FALLBACKS": DEVELOPMENT_KEY}, "JWT_SIGNING_KEY_FALLBACKS"),
    ({"SECRET_KEY": GOOD_KEY, "JWT_SIGNING_KEY": GOOD_KEY}, "must differ"),
    ({"ALLOWED_HOSTS": None}, "ALLOWED_HOSTS"),
    ({"ALLOWED_HOSTS": "photogram.example,*"}, "ALLOWED_HOSTS"),
    ({"CORS_ALLOWED_ORIGINS": "https://*"}, "CORS_ALLOWED_ORIGINS"),
    ({"PUBLIC_URL": None}, "PUBLIC_URL"),
    ({"PUBLIC_URL": "http://photogram.example"}, "PUBLIC_URL"),
    ({"CLIENT_URL": "http://app.photogram.example"}, "CLIENT_URL"),
    ({"RATE_LIMITS": "off"}, "RATE_LIMITS"),
    ({"DATABASE_URL": None}, "DATABASE_URL"),
    ({"REDIS_URL": None}, "REDIS_URL"),
    ({"CELERY_BROKER_URL": None}, "CELERY_BROKER_URL"),
    ({"S3_ENDPOINT_URL": None, "S3_PUBLIC_ENDPOINT_URL": "https://s3.example.com"}, "S3_ENDPOINT_URL"),
    ({"S3_PUBLIC_ENDPOINT_URL": "http://s3.example.com"}, "S3_PUBLIC_ENDPOINT_URL"),
    ({"S3_ACCESS_KEY_ID": None}, "S3_ACCESS_KEY_ID"),
    ({"S3_SECRET_ACCESS_KEY": ""}, "S3_SECRET_ACCESS_KEY"),
    ({"S3_PUBLIC_BUCKET": "photogram-private"}, "must differ"),
    ({"MEDIA_CDN_URL": "http://cdn.photogram.example"}, "MEDIA_CDN_URL"),
    ({"EMAIL_URL": None}, "EMAIL_URL"),
    ({"EMAIL_URL": "consolemail://"}, "EMAIL_URL"),
    ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "EMAIL_BACKEND"),
    ({"METRICS_TOKEN": None}, "METRICS_TOKEN"),
    ({"METRICS_TOKEN": "short"}, "METRICS_TOKEN"),
    ({"VAPID_PRIVATE_KEY": "abc"}, "VAPID"),
    ({"VAPID_PUBLIC_KEY": "abc"}, "VAPID"),
    ({"PHOTOGRAM_ENV": "prod"}, "PHOTOGRAM_ENV"),
]


def changed(changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in (documented() | changes).items() if value is not None}


@pytest.fixture(scope="module")
def refusals() -> list[str]:
    return [answer.get("refused", "") for answer in started(*(changed(changes) for changes, _ in UNSAFE))]


@pytest.mark.promise("O2")
@pytest.mark.parametrize("number", range(len(UNSAFE)), ids=lambda number: ",".join(UNSAFE[number][0]))
def test_production_refuses_each_unsafe_value_by_name(refusals: list[str], number: int) -> None:
    changes, named = UNSAFE[number]
    assert named in refusals[number], changes
    # Nothing else was wrong with it.
    assert refusals[number].count(";") == 0


@pytest.mark.promise("O2")
def test_refusal_names_all_unsafe_values_and_shows_no_secret() -> None:
    secret = "aB3-" * 12
    refused = started({"PHOTOGRAM_ENV": "production", "SECRET_KEY": secret})[0]["refused"]
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "S3_ACCESS_KEY_ID", "METRICS_TOKEN"):
        assert name in refused
    assert secret not in refused


@pytest.mark.promise("O2")
def test_example_environment_is_sufficient_to_start() -> None:
    hopeful = {"DEBUG": "1", "DJANGO_DEBUG": "true"}
    settings = started(documented() | hopeful)[0]
    assert "refused" not in settings, settings
    assert settings["DEBUG"] == "False"
    assert {settings[f"{cookie}_COOKIE_SECURE"] for cookie in ("SESSION", "CSRF")} == {"True"}
    assert settings["SESSION_COOKIE_HTTPONLY"] == "True"
    assert settings["SESSION_COOKIE_SAMESITE"] == "'Lax'"
    assert int(settings["SECURE_HSTS_SECONDS"]) >= 31_536_000
    assert settings["CORS_ALLOW_ALL_ORIGINS"] == "False"


def test_options_of_the_database_url_are_kept() -> None:
    """An `sslmode` that is dropped in silence is a password sent in the clear."""
    url = "postgresql://photogram:password@db.internal/photogram?sslmode=verify-full&sslrootcert=/etc/ca.pem"
    settings = started(documented() | {"DATABASE_URL": url})[0]
    for kept in (
        "'sslmode': 'verify-full'",
        "'sslrootcert': '/etc/ca.pem'",
        "statement_timeout=15000",
        "'max_size': 10",
    ):
        assert kept in settings["DATABASES"]


def test_settings_for_pgbouncer_keep_no_session_state() -> None:
    direct, pooled = started(documented(), documented() | {"DATABASE_BEHIND_PGBOUNCER": "on"})
    assert "-c statement_timeout=15000" in direct["DATABASES"]
    assert "'DISABLE_SERVER_SIDE_CURSORS': False" in direct["DATABASES"]
    assert "statement_timeout" not in pooled["DATABASES"]
    assert "'options'" not in pooled["DATABASES"]
    assert "'DISABLE_SERVER_SIDE_CURSORS': True" in pooled["DATABASES"]
    assert "'prepare_threshold': 0" in direct["DATABASES"]
    assert "'prepare_threshold': None" in pooled["DATABASES"]


@pytest.mark.parametrize(
    ("client", "origin"),
    [
        ("https://app.photogram.example", "https://app.photogram.example"),
        ("https://app.photogram.example:8443/web/", "https://app.photogram.example:8443"),
        ("https://photogram.example", "https://photogram.example"),
    ],
)
def test_web_client_may_call_the_api_by_default(client: str, origin: str) -> None:
    default, named = started(
        changed({"CLIENT_URL": client, "CORS_ALLOWED_ORIGINS": None}),
        changed({"CLIENT_URL": client, "CORS_ALLOWED_ORIGINS": "https://other.example"}),
    )
    assert default["CORS_ALLOWED_ORIGINS"] == repr([origin])
    assert named["CORS_ALLOWED_ORIGINS"] == "['https://other.example']"
    assert default["CORS_ALLOW_ALL_ORIGINS"] == named["CORS_ALLOW_ALL_ORIGINS"] == "False"


def test_every_page_may_call_the_api_in_development() -> None:
    settings = started({})[0]
    assert settings["CORS_ALLOW_ALL_ORIGINS"] == "True"


def test_hsts_binds_subdomains_only_if_enabled() -> None:
    default, subdomains, preload = started(
        documented(), documented() | {"HSTS_INCLUDE_SUBDOMAINS": "on"}, documented() | {"HSTS_PRELOAD": "on"}
    )
    binding = [(each["SECURE_HSTS_INCLUDE_SUBDOMAINS"], each["SECURE_HSTS_PRELOAD"]) for each in (default, subdomains)]
    assert binding == [("False", "False"), ("True", "False")]
    # The preload list accepts no domain without its subdomains.
    assert (preload["SECURE_HSTS_INCLUDE_SUBDOMAINS"], preload["SECURE_HSTS_PRELOAD"]) == ("True", "True")
