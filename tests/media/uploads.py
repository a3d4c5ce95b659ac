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
    client = storage.client(settings.S3_ENDPOINT_URL)
    client.put_object(Bucket=settings.S3_PRIVATE_BUCKET, Key=key, Body=data, ContentType=content_type)


def fetch(url):
    return requests.get(url, timeout=10).status_code


def variant_urls(card):
    return [variant["url"] for variant in card["variants"]]
