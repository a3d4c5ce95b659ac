"""Sign up, upload, post and read the feed, through HTTP and real storage. Tasks run in this process."""

import io

import pytest
import requests
from PIL import Image

pytestmark = pytest.mark.django_db


def jpeg(width=1600, height=1200) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Camera"
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_follower_sees_a_new_post_with_processed_photo(api, anonymous, deliver):
    for handle in ("alice", "bob"):
        body = {"handle": handle, "email": f"{handle}@example.org", "password": "a better battery staple"}
        answer = anonymous.post("/users", body)
        assert answer.status_code == 201, answer.content
    tokens = {}
    for handle in ("alice", "bob"):
        answer = anonymous.post("/auth/token", {"login": handle, "password": "a better battery staple"})
        assert answer.status_code == 200, answer.content
        tokens[handle] = {"HTTP_AUTHORIZATION": f"Bearer {answer.json()['access']}"}
    photo = jpeg()
    answer = anonymous.post("/media/upload", {"content_type": "image/jpeg", "bytes": len(photo)}, **tokens["alice"])
    assert answer.status_code == 201, answer.content
    upload = answer.json()
    put = requests.put(upload["upload"]["url"], data=photo, headers=upload["upload"]["headers"], timeout=10)
    assert put.status_code == 200, put.text
    answer = anonymous.post(f"/media/upload/{upload['id']}/complete", **tokens["alice"])
    assert answer.status_code == 202, answer.content
    answer = anonymous.post(
        "/posts", {"media_ids": [upload["media_id"]], "caption": "Low tide at #Husum with @bob"}, **tokens["alice"]
    )
    assert answer.status_code == 201, answer.content
    assert answer.json()["status"] == "processing"
    post_id = answer.json()["id"]
    assert anonymous.post("/users/@alice/follow", **tokens["bob"]).json()["following"] is True
    deliver()
    feed = anonymous.get("/feed", **tokens["bob"])
    assert feed.status_code == 200, feed.content
    [post] = feed.json()["results"]
    assert post["id"] == post_id
    assert post["tags"] == ["husum"]
    assert post["mentions"][0]["handle"] == "bob"
    for variant in post["media"][0]["variants"]:
        shown = requests.get(variant["url"], timeout=10)
        assert shown.status_code == 200
        picture = Image.open(io.BytesIO(shown.content))
        assert picture.height > picture.width
        assert not picture.getexif()
        assert "X-Amz" not in variant["url"]
