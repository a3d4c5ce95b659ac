"""A client that is generated from the OpenAPI document, used with a running Photogram."""

import importlib
import io
import re
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
        tag, name = operation["tags"][0].lower().replace(" ", "_"), re.sub("([A-Z])", r"_\1", operation["operationId"])
        module = importlib.import_module(f"{client_package}.api.{tag}.{name.lower()}")
        assert callable(module.sync_detailed), operation["operationId"]


def test_generated_client_is_imported_within_a_second(client_package):
    code = f"import time, {client_package}, {client_package}.models; print(time.process_time())"
    folder = Path(importlib.import_module(client_package).__file__).parents[1]
    # Seconds of CPU time, because other tests run at the same time. The first import compiles the package.
    seconds = [float(subprocess.check_output([sys.executable, "-c", code], cwd=folder)) for _ in range(3)]
    assert min(seconds) <= 1


def test_generated_client_signs_up_uploads_posts_and_reads_the_feed(client_package, live_stack):
    def load(path):
        return importlib.import_module(f"{client_package}.{path}")

    models = load("models")
    client = load("client")
    anonymous = client.Client(base_url=live_stack.url)
    load("api.users.sign_up").sync(
        client=anonymous,
        body=models.SignUpRequest(handle="gina", email="gina@example.org", password=PASSWORD),
    )
    pair = load("api.authentication.sign_in").sync(
        client=anonymous, body=models.PasswordSignInRequest(login="gina", password=PASSWORD)
    )
    assert pair.user.handle == "gina"
    gina = client.AuthenticatedClient(base_url=live_stack.url, token=pair.access)

    photo = io.BytesIO()
    Image.new("RGB", (900, 600), "teal").save(photo, "JPEG")
    data = photo.getvalue()
    upload = load("api.media.create_upload").sync(
        client=gina, body=models.UploadBodyRequest(content_type="image/jpeg", bytes_=len(data))
    )
    put = httpx.put(upload.upload.url, content=data, headers=upload.upload.headers.additional_properties)
    assert put.status_code == 200
    load("api.media.complete_upload").sync(upload.id, client=gina)
    post = load("api.posts.create_post").sync(
        client=gina, body=models.CreatePostRequest(media_ids=[upload.media_id], caption="Hello #world")
    )
    feed = load("api.feed.list_feed")
    eventually(lambda: feed.sync(client=gina).results, 60, every=0.2)
    page = feed.sync(client=gina)
    [shown] = page.results
    assert shown.id == post.id
    assert shown.tags == ["world"]
    assert httpx.get(shown.media[0].variants[0].url).status_code == 200
    assert page.next_cursor is None
