"""The environment of a production deployment, for a bench."""

import secrets


def production() -> dict[str, str]:
    """But for its servers: limits counted, logs as JSON, behind one proxy that names the client and has ended TLS."""
    return {
        "PHOTOGRAM_ENV": "production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "JWT_SIGNING_KEY": secrets.token_urlsafe(48),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": "https://photogram.example",
        "CLIENT_URL": "https://photogram.example",
        "TRUSTED_PROXIES": "1",
        # Signed for the name that clients know.
        "S3_PUBLIC_ENDPOINT_URL": "https://media.photogram.example",
        "MEDIA_CDN_URL": "https://cdn.photogram.example",
        "METRICS_TOKEN": secrets.token_urlsafe(32),
    }
