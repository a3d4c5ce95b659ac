"""What a client does to upload a photograph, and what storage then shows."""

import io

import requests
from django.conf import settings
from PIL import Image

from apps.media import storage
from apps.media.models import Media


def jpeg(colour="teal", size=(600, 400)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG")
    return file.getvalue()


def begin(caller, data, **fields):
    return caller.post("/media/upload", {"content_type": "image/jpeg", "bytes": len(data)} | fields)


def put(upload, data, **headers):
    target = upload["upload"]
    return requests.put(target["url"], data=data, headers=target["headers"] | headers, timeout=10)


def uploaded(caller, data=None, **fields):
    """A completed upload; the worker has not seen it yet."""
    data = data or jpeg()
    upload = begin(caller, data, **fields).json()
    assert put(upload, data).status_code == 200
    assert caller.post(f"/media/upload/{upload['id']}/complete").status_code == 202
    return Media.objects.get(pk=upload["id"])


def ready(caller, deliver, **fields):
    medium = uploaded(caller, **fields)
    deliver()
    medium.refresh_from_db()
    assert medium.status == "ready"
    return medium


def write(key, data, content_type="image/jpeg"):
    """Straight into the private bucket, with our own credentials."""
    client = storage.client()
    client.put_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, Body=data, ContentType=content_type)


def use_storage(settings, *, endpoint=None, private=None, public=None):
    """Another S3 server, or other buckets, until the end of the test."""
    settings.S3_ENDPOINT_URL = endpoint or settings.S3_ENDPOINT_URL
    settings.S3_PRIVATE_BUCKET = private or settings.S3_PRIVATE_BUCKET
    settings.S3_PUBLIC_BUCKET = public or settings.S3_PUBLIC_BUCKET
    changes = {
        "default": {"bucket_name": settings.S3_PRIVATE_BUCKET, "endpoint_url": settings.S3_ENDPOINT_URL},
        "interactive": {"bucket_name": settings.S3_PRIVATE_BUCKET, "endpoint_url": settings.S3_ENDPOINT_URL},
        "public": {"bucket_name": settings.S3_PUBLIC_BUCKET, "endpoint_url": settings.S3_ENDPOINT_URL},
        "presigned": {"bucket_name": settings.S3_PRIVATE_BUCKET},
    }
    settings.STORAGES = settings.STORAGES | {
        alias: {**settings.STORAGES[alias], "OPTIONS": settings.STORAGES[alias]["OPTIONS"] | options}
        for alias, options in changes.items()
    }


def fetch(url):
    return requests.get(url, timeout=10).status_code


def variant_urls(card):
    return [variant["url"] for variant in card["variants"]]
