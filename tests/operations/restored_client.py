"""Run as a program on restored servers: signs in, reads a post and its photos. Prints its results as JSON."""

import json
import os
import sys
import urllib.request

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from rest_framework.test import APIClient  # noqa: E402

from apps.media import objects, pipeline  # noqa: E402
from apps.media.models import Media  # noqa: E402
from tests.factories import PASSWORD  # noqa: E402


def download(url: str) -> tuple[str, str, bytes]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.headers["Cache-Control"], answer.read()


post_id, login = sys.argv[1:]
client = APIClient()
tokens = client.post("/v1/auth/token", {"login": login, "password": PASSWORD}, format="json").json()
client.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens['access']}")
post = client.get(f"/v1/posts/{post_id}").json()
(medium,) = post["media"]
pictures = {variant["name"] + variant["content_type"]: download(variant["url"]) for variant in medium["variants"]}
# The original is restored in the version that the row names, so it can be processed again.
row = Media.objects.filter(pk=medium["id"])
assert objects.request_reprocessing(row) == 1
pipeline.process(row.get().pk)
json.dump(
    {
        "caption": post["caption"],
        "pictures": {name: [kind, caching, len(data)] for name, (kind, caching, data) in pictures.items()},
        "declared": {variant["name"] + variant["content_type"]: variant["bytes"] for variant in medium["variants"]},
        "rendered_again": row.get().status,
    },
    sys.stdout,
)
