"""A client that is generated from the OpenAPI document, used with a running Photogram."""

import importlib
import io
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from PIL import Image

from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live")]


@pytest.fixture(scope="module")
def client_package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client")
    generator = Path(sys.executable).parent / "openapi-python-client"
    generated = subprocess.run(
        [
            generator,
            "generate",
            "--path",
            ROOT / "docs" / "openapi.yaml",
            "--output-path",
            folder / "client",
            "--meta",
            "none",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(generator.parent)},
    )
    assert generated.returncode == 0, generated.stdout + generated.stderr
    for complaint in ("Unable to", "WARNING", "Warning"):
        assert complaint not in generated.stdout + generated.stderr, generated.stdout
    sys.path.insert(0, str(folder))
    yield "client"
    sys.path.remove(str(folder))


def test_generated_client_has_a_function_for_every_operation(client_package):
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) > 80
    for operation in operations:
        module = importlib.import_module(f"{client_package}.api.{operation['tags'][0]}.{operation['operationId']}")
        assert callable(module.sync_detailed), operation["operationId"]


def test_generated_client_signs_up_uploads_posts_and_reads_the_feed(client_package, live_stack):
    def load(path):
        return importlib.import_module(f"{client_package}.{path}")

    models = load("models")
    client = load("client")
    anonymous = client.Client(base_url=live_stack.url)
    load("api.accounts.user_create").sync(
        client=anonymous,
        body=models.SignUpRequest(handle="gina", email="gina@example.org", password=PASSWORD),
    )
    pair = load("api.accounts.auth_token").sync(
        client=anonymous, body=models.SignInRequest(login="gina", password=PASSWORD)
    )
    assert pair.user.handle == "gina"
    gina = client.AuthenticatedClient(base_url=live_stack.url, token=pair.access)

    photo = io.BytesIO()
    Image.new("RGB", (900, 600), "teal").save(photo, "JPEG")
    data = photo.getvalue()
    upload = load("api.media.media_create").sync(
        client=gina, body=models.UploadBodyRequest(content_type="image/jpeg", bytes_=len(data))
    )
    put = httpx.put(upload.upload.url, content=data, headers=upload.upload.headers.additional_properties)
    assert put.status_code == 200
    load("api.media.media_complete").sync(upload.id, client=gina)
    post = load("api.content.post_create").sync(
        client=gina, body=models.CreatePostRequest(media_ids=[upload.media_id], caption="Hello #world")
    )
    feed = load("api.feed.feed_list")
    eventually(lambda: feed.sync(client=gina).results, 60, every=0.2)
    page = feed.sync(client=gina)
    [shown] = page.results
    assert shown.id == post.id
    assert shown.tags == ["world"]
    assert httpx.get(shown.media[0].variants[0].url).status_code == 200
    assert page.next_cursor is None
