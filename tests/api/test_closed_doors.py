"""Ways in that were open elsewhere: through a sub-resource, a clever key, a URL to fetch."""

import ast
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.accounts.models import User
from apps.core.db.ids import new_id
from tests.factories import FollowFactory, PostFactory, UserFactory

pytestmark = pytest.mark.django_db
APPS = Path(__file__).resolve().parents[2] / "apps"


def told(answer: Any) -> tuple[int, dict[str, Any], set[tuple[str, str]]]:
    """Status, body and headers, less what differs from one request to the next."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    headers = {(k, v) for k, v in answer.headers.items() if k != "X-Request-ID" and not k.startswith("RateLimit")}
    return answer.status_code, body, headers


# ── P4 ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.promise("P4")
@pytest.mark.parametrize("inside", ["posts", "followers", "following"])
def test_content_of_a_private_account_answers_like_an_unknown_one(api, alice, bob, carol, inside):
    User.objects.filter(pk=alice.pk).update(is_private=True)
    PostFactory(author=alice)
    FollowFactory(follower=alice, followed=bob)
    unknown = new_id()
    for stranger in (carol, None):
        if stranger is None and inside != "posts":
            continue  # these lists need a token, whoever they are of
        for spelled in (alice.pk, "@alice"):
            assert told(api(stranger).get(f"/users/{spelled}/{inside}")) == told(
                api(stranger).get(f"/users/{unknown}/{inside}")
            )
    assert api(bob).get(f"/users/@alice/{inside}").status_code == 200


@pytest.mark.promise("P4")
@pytest.mark.parametrize("inside", ["", "/posts", "/followers", "/following", "/relationship"])
def test_account_that_blocks_the_caller_answers_like_an_unknown_one(api, alice, mallory, inside):
    PostFactory(author=alice)
    assert told(api(mallory).get(f"/users/@alice{inside}")) == told(api(mallory).get(f"/users/@nobody.here{inside}"))


@pytest.mark.promise("P4")
def test_photo_is_visible_only_with_its_post(api, alice, bob, carol):
    post = PostFactory(author=alice, visibility="followers")
    medium = post.items.get().medium_id
    assert api(bob).get(f"/media/{medium}").status_code == 200
    assert told(api(carol).get(f"/media/{medium}")) == told(api(carol).get(f"/media/{new_id()}"))


# ── I3 ───────────────────────────────────────────────────────────────────────────────────────────────────
CLEVER_KEYS = [
    "author__password__startswith=a",
    "id__in=x",
    "order_by=-author__email",
    "ordering=author__password",
    "fields=password",
    "expand=author",
    "_connector=OR%201=1",
    "author_id=019ab8a4-6c1e-7d3f-9a51-3f5c0e7b2d10",
    "a%22%20;%20DROP%20TABLE%20content_post;--=1",
]


@pytest.mark.promise("I3")
@pytest.mark.parametrize("path", ["/feed", "/users/@alice/posts", "/users/@alice/followers", "/users/suggestions"])
@pytest.mark.parametrize("key", CLEVER_KEYS)
def test_unknown_query_parameters_change_nothing(api, alice, bob, path, key):
    PostFactory(author=alice)
    PostFactory(author=alice)
    plain, clever = api(bob).get(path), api(bob).get(f"{path}?{key}")
    assert (plain.status_code, plain.json()["results"]) == (clever.status_code, clever.json()["results"])


@pytest.mark.promise("I3")
@pytest.mark.parametrize("key", ["caption__startswith", "author__is_staff", "id__in", "_state", "pk", "**", "a" * 300])
def test_unknown_fields_of_a_body_are_refused_by_name(api, alice, key):
    post = PostFactory(author=alice)
    answer = api(alice).patch(f"/posts/{post.pk}", {key: "x"})
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [(key, "unknown_field")]


@pytest.mark.promise("I3")
def test_no_view_passes_request_data_to_the_orm_as_keywords():
    """`filter(**request.…)`, `order_by(*request.…)` and their like are in no edge."""
    spread = [
        f"{file.relative_to(APPS)}:{call.lineno}"
        for file in APPS.glob("*/api/*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)
        if call.func.attr
        in {"filter", "exclude", "get", "order_by", "annotate", "values", "values_list", "extra", "alias"}
        for part in [
            *[k.value for k in call.keywords if k.arg is None],
            *[a for a in call.args if isinstance(a, ast.Starred)],
        ]
        if any(name in ast.unparse(part) for name in ("request", "query_params", "data", "body"))
    ]
    assert spread == []


# ── I5 ───────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def listening() -> Iterator[tuple[str, list[str]]]:
    """(the address of a server, the requests it has got)."""
    asked: list[str] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_HEAD = do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@pytest.mark.promise("I5")
def test_urls_of_users_are_not_fetched(api, deliver, listening):
    address, asked = listening
    dora = UserFactory(handle="dora")
    changed = api(dora).patch("/users/me", {"website": f"{address}/website", "bio": f"{address}/bio"})
    assert changed.status_code == 200, changed.content
    post = PostFactory(author=dora)
    assert api(dora).patch(f"/posts/{post.pk}", {"caption": f"{address}/caption"}).status_code == 200
    deliver()
    api(None).get("/users/@dora")
    assert asked == []


@pytest.mark.promise("I5")
def test_only_these_modules_use_an_http_client():
    """The CDN's purge hook and storage, both named by settings; the uploads of the sample data to that storage; and
    Web Push, the only URL that comes from a user (`notifications/test_deliveries.py` tests which are accepted)."""
    clients = {"httpx", "requests", "urllib.request", "urllib3", "aiohttp", "http.client", "boto3", "socket"}
    holding = set()
    for file in [*APPS.rglob("*.py"), *(APPS.parent / "demo").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if clients & set(names):
                holding.add(str(file.relative_to(APPS.parent)))
    assert holding == {
        "apps/core/db/deadline.py",  # shuts down the sockets of overdue database connections
        "apps/media/sweeps.py",
        "apps/media/sandbox.py",  # a pair of sockets between the decoder and its parent
        "apps/media/checks.py",  # the system checks of the configured storage
        "demo/photo_uploads.py",
        "apps/notifications/push.py",
    }
