"""The buckets of `STORAGES`, used by Django's storage API and by the pipeline alike."""

import pytest
import requests
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage, storages
from storages.backends.s3 import S3Storage

from apps.media import storage
from apps.media.objects import new_secret
from config.object_storage import ObjectStorage
from tests.media.uploads import fetch, ready, use_storage


@pytest.fixture
def key():
    return f"originals/{new_secret()}"


def test_the_default_storage_is_the_private_bucket(key, settings):
    assert isinstance(storages["default"], S3Storage)
    default_storage.save(key, ContentFile(b"bytes"))
    assert storage.head(key).bytes == 5
    assert b"".join(storage.read(key)) == b"bytes"
    assert fetch(f"{settings.S3_ENDPOINT_URL}/{settings.S3_PRIVATE_BUCKET}/{key}") == 403
    default_storage.delete(key)
    assert storage.head(key) is None


def test_all_storages_share_one_description_of_s3():
    """It takes 13 MB."""
    aliases = (storage.PRIVATE, storage.PUBLIC, storage.INTERACTIVE, storage.PRESIGNED)
    first, *others = [storage.client(alias).meta.service_model.metadata for alias in aliases]
    assert all(other is first for other in others)


def test_session_token_of_the_environment_is_not_used(monkeypatch):
    """It belongs to other credentials than those of the settings."""
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    bucket = ObjectStorage(bucket_name="bucket", access_key="key", secret_key="secret", region_name="us-east-1")
    assert "X-Amz-Credential=key" in bucket.url("object")
    assert "X-Amz-Security-Token" not in bucket.url("object")


def test_everybody_may_read_the_public_storage_and_cache_it_forever(key, settings):
    storages["public"].save(key, ContentFile(b"bytes"))
    answer = requests.get(f"{settings.MEDIA_CDN_URL}/{key}", timeout=10)
    assert (answer.content, answer.headers["Cache-Control"]) == (b"bytes", "public, max-age=31536000, immutable")


def test_the_default_storage_reads_what_the_pipeline_wrote(api, alice, deliver, db):
    medium = ready(api(alice), deliver)
    with default_storage.open(medium.original_key) as original:
        assert len(original.read()) == medium.bytes


def test_upload_urls_name_the_address_that_clients_use(settings):
    presigned = settings.STORAGES["presigned"]
    options = presigned["OPTIONS"] | {"endpoint_url": "https://media.example.com"}
    settings.STORAGES = settings.STORAGES | {"presigned": {**presigned, "OPTIONS": options}}
    url, _ = storage.presign_put("uploads/x", content_type="image/jpeg", length=1, sha256="")
    assert url.startswith(f"https://media.example.com/{settings.S3_PRIVATE_BUCKET}/uploads/x?")


@pytest.mark.parametrize(
    "call",
    [
        lambda key: storage.head(key),
        lambda key: list(storage.read(key)),
        lambda key: storage.save(key, ContentFile(b"x"), content_type="text/plain"),
        lambda key: storage.copy(key, to=f"{key}-copy"),
        lambda key: storage.delete("photogram-private", [key]),
        lambda key: list(storage.listing("photogram-private", key)),
    ],
)
def test_a_server_that_is_down_is_a_storage_error(settings, key, call):
    use_storage(settings, endpoint="http://127.0.0.1:1")
    with pytest.raises(storage.StorageError):
        call(key)


def test_a_missing_object_is_told_apart_from_a_server_that_is_down(key):
    with pytest.raises(storage.ObjectNotFound):
        next(storage.read(key))
