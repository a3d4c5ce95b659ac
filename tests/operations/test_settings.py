"""Production starts on safe settings and on no others (promises O2 and A7)."""

import re
import subprocess
import sys
from pathlib import Path

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


SETTINGS = (Path(__file__).resolve().parents[2] / "config" / "settings.py").read_text()
NUMBERS = re.findall(r'env\.(?:int|float)\("(\w+)"', SETTINGS)
# What 0 means is in docs/operations.md. Everywhere else it is refused.
MAY_BE_0 = {
    "TRUSTED_PROXIES",
    "DATABASE_STATEMENT_TIMEOUT_MS",
    "DATABASE_POOL_MIN",
    "BLOCKED_IMAGE_DISTANCE",
    "REFRESH_REUSE_GRACE_SECONDS",
    "ERASURE_GRACE_DAYS",
    "TASK_RETRY_SECONDS",
    "MAINTENANCE_ROWS_PER_SECOND",
    "FEED_BACKFILL_PER_SECOND",
    "FEED_HIT_RATIO",
}
TOO_LARGE = {"BLOCKED_IMAGE_DISTANCE": "257", "RATE_LIMIT_IPV6_PREFIX": "129", "FEED_HIT_RATIO": "2"}


def test_meaningless_numbers_are_refused_by_name() -> None:
    refused = [(name, "-1") for name in NUMBERS] + [(name, "0") for name in NUMBERS if name not in MAY_BE_0]
    refused += TOO_LARGE.items()
    answers = started(*({name: value} for name, value in refused))
    accepted = [each for each, answer in zip(refused, answers, strict=True) if "refused" not in answer]
    assert not accepted
    for (name, _), answer in zip(refused, answers, strict=True):
        assert name in answer["refused"]
        assert "must be" in answer["refused"]
    assert {"CONSOLE_IDLE_HOURS", "CONSOLE_SESSION_HOURS"} <= set(NUMBERS)


def test_zero_is_accepted_where_it_has_a_meaning() -> None:
    [answer] = started(dict.fromkeys(MAY_BE_0, "0"))
    assert "refused" not in answer


@pytest.mark.parametrize("name", ["WEB_CONCURRENCY", "WEB_THREADS"])
def test_api_does_not_start_without_processes_or_threads(name: str) -> None:
    code = "import config.gunicorn"
    done = subprocess.run([sys.executable, "-c", code], env={name: "0"}, capture_output=True, text=True, check=False)
    assert done.returncode
    assert f'"{name}" invalid' in done.stderr


SECRET = "aB3-" * 12
DATABASE_URL = "postgresql://photogram:password@db.internal/photogram?sslmode=verify-full&sslrootcert=/etc/ca.pem"
ORIGINS = {
    "https://app.photogram.example": "https://app.photogram.example",
    "https://app.photogram.example:8443/web/": "https://app.photogram.example:8443",
    "https://photogram.example": "https://photogram.example",
}


@pytest.fixture(scope="module")
def loaded() -> dict[str, dict[str, str]]:
    """The settings that result from each of these environments."""
    example = documented()
    environments = {
        "development": {},
        "empty": {"PHOTOGRAM_ENV": "production", "SECRET_KEY": SECRET},
        "example": example,
        "debug": example | {"DEBUG": "1", "DJANGO_DEBUG": "true"},
        "database": example | {"DATABASE_URL": DATABASE_URL},
        "pgbouncer": example | {"DATABASE_BEHIND_PGBOUNCER": "on"},
        "subdomains": example | {"HSTS_INCLUDE_SUBDOMAINS": "on"},
        "preload": example | {"HSTS_PRELOAD": "on"},
        "origins": example | {"CORS_ALLOWED_ORIGINS": "https://other.example"},
        **{client: changed({"CLIENT_URL": client, "CORS_ALLOWED_ORIGINS": None}) for client in ORIGINS},
    }
    return dict(zip(environments, started(*environments.values()), strict=True))


@pytest.mark.promise("O2")
def test_refusal_names_all_unsafe_values_and_shows_no_secret(loaded: dict[str, dict[str, str]]) -> None:
    refused = loaded["empty"]["refused"]
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "S3_ACCESS_KEY_ID", "METRICS_TOKEN"):
        assert name in refused
    assert SECRET not in refused


@pytest.mark.promise("O2")
def test_example_environment_is_sufficient_to_start(loaded: dict[str, dict[str, str]]) -> None:
    settings = loaded["debug"]
    assert "refused" not in settings, settings
    assert settings["DEBUG"] == "False"
    assert {settings[f"{cookie}_COOKIE_SECURE"] for cookie in ("SESSION", "CSRF")} == {"True"}
    assert settings["SESSION_COOKIE_HTTPONLY"] == "True"
    assert settings["SESSION_COOKIE_SAMESITE"] == "'Lax'"
    assert int(settings["SECURE_HSTS_SECONDS"]) >= 31_536_000
    assert settings["CORS_ALLOW_ALL_ORIGINS"] == "False"


def test_options_of_the_database_url_are_kept(loaded: dict[str, dict[str, str]]) -> None:
    """Without `sslmode` the password would be sent unencrypted."""
    for kept in (
        "'sslmode': 'verify-full'",
        "'sslrootcert': '/etc/ca.pem'",
        "statement_timeout=15000",
        "'max_size': 10",
    ):
        assert kept in loaded["database"]["DATABASES"]


def test_settings_for_pgbouncer_keep_no_session_state(loaded: dict[str, dict[str, str]]) -> None:
    direct, pooled = loaded["example"], loaded["pgbouncer"]
    assert "-c statement_timeout=15000" in direct["DATABASES"]
    assert "'DISABLE_SERVER_SIDE_CURSORS': False" in direct["DATABASES"]
    assert "statement_timeout" not in pooled["DATABASES"]
    assert "'options'" not in pooled["DATABASES"]
    assert "'DISABLE_SERVER_SIDE_CURSORS': True" in pooled["DATABASES"]
    assert "'prepare_threshold': 0" in direct["DATABASES"]
    assert "'prepare_threshold': None" in pooled["DATABASES"]


def test_web_client_may_call_the_api_by_default(loaded: dict[str, dict[str, str]]) -> None:
    defaults = {client: loaded[client] for client in ORIGINS}
    assert {client: each["CORS_ALLOWED_ORIGINS"] for client, each in defaults.items()} == {
        client: repr([origin]) for client, origin in ORIGINS.items()
    }
    assert loaded["origins"]["CORS_ALLOWED_ORIGINS"] == "['https://other.example']"
    assert {each["CORS_ALLOW_ALL_ORIGINS"] for each in (loaded["origins"], *defaults.values())} == {"False"}


def test_every_page_may_call_the_api_in_development(loaded: dict[str, dict[str, str]]) -> None:
    assert loaded["development"]["CORS_ALLOW_ALL_ORIGINS"] == "True"


def test_hsts_binds_subdomains_only_if_enabled(loaded: dict[str, dict[str, str]]) -> None:
    default, subdomains, preload = loaded["example"], loaded["subdomains"], loaded["preload"]
    binding = [(each["SECURE_HSTS_INCLUDE_SUBDOMAINS"], each["SECURE_HSTS_PRELOAD"]) for each in (default, subdomains)]
    assert binding == [("False", "False"), ("True", "False")]
    # The preload list accepts no domain without its subdomains.
    assert (preload["SECURE_HSTS_INCLUDE_SUBDOMAINS"], preload["SECURE_HSTS_PRELOAD"]) == ("True", "True")
