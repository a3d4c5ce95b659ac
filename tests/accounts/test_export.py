"""The archive of one's data: who gets it, what is in it, and its end; against real storage."""

import io
import json
import zipfile

import pytest
import requests

from apps.accounts import exports
from apps.media import storage
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def ask(caller, password=PASSWORD):
    return caller.post("/users/me/export", {"password": password})


def status(caller):
    return caller.get("/users/me/export").json()


def download(caller):
    """The zip behind the link, with nothing but the link."""
    answer = requests.get(status(caller)["url"], timeout=10)
    assert answer.status_code == 200
    return zipfile.ZipFile(io.BytesIO(answer.content))


def rows(zipped, kind):
    return json.loads(zipped.read(f"data/{kind}.json").decode())


def archives():
    from django.conf import settings

    return {key for key, _ in storage.listing(settings.S3_PRIVATE_BUCKET, exports.FOLDER)}


class TestAsking:
    def test_from_none_to_ready(self, api, alice, deliver):
        caller = api(alice)
        assert status(caller) == {"status": "none", "url": None, "expires_at": None}
        answer = ask(caller)
        assert (answer.status_code, answer.content) == (202, b"")
        assert status(caller) == {"status": "pending", "url": None, "expires_at": None}
        deliver()
        shown = status(caller)
        assert shown["status"] == "ready"
        assert rows(download(caller), "account")[0]["email"] == "alice@example.org"
        assert shown["url"] == status(caller)["url"]
        assert set(shown) == {"status", "url", "expires_at"}
