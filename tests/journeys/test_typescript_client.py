"""The TypeScript example of docs/clients, compiled against the OpenAPI document and used with a running Photogram."""

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from PIL import Image

from tests.journeys.conftest import LiveStack

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = Path("docs") / "clients" / "typescript"
NPM, NODE = shutil.which("npm"), shutil.which("node")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("live"),
    pytest.mark.skipif(not NPM or not NODE, reason="There is no Node (Debian's packages nodejs and npm)."),
]


def run(folder: Path, *command: str) -> str:
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the example with its compiled files."""
    root = tmp_path_factory.mktemp("typescript")
    ignored = shutil.ignore_patterns("node_modules", "dist", "schema.d.ts")
    folder = Path(shutil.copytree(ROOT / EXAMPLE, root / EXAMPLE, ignore=ignored))
    (root / "static").mkdir()
    shutil.copy(ROOT / "static" / "openapi.yaml", root / "static")
    if subprocess.run([str(NPM), "ping"], capture_output=True, check=False).returncode:
        pytest.skip("The npm registry cannot be reached.")
    run(folder, str(NPM), "ci", "--no-audit", "--no-fund")
    run(folder, str(NPM), "run", "generate")
    run(folder, str(NPM), "run", "build")
    return folder


# Each of these must be refused by the compiler.
WRONG = {
    "an unknown path": 'client.request("get", "/v1/nothing", {})',
    "a method that the path does not have": 'client.request("put", "/v1/feed", {})',
    "a limit that is text": 'client.request("get", "/v1/feed", { query: { limit: "20" } })',
    "an unknown variant": 'client.request("get", "/v1/feed", { query: { variants: ["huge"] } })',
    "a sign-in without a password": 'client.request("post", "/v1/auth/token", '
    '{ body: { grant_type: "password", login: "alice" } })',
    "a missing argument of the path": 'client.request("post", "/v1/users/{user}/follow", {})',
}


def test_types_refuse_wrong_requests_and_accept_right_ones(built: Path) -> None:
    lines = ['import { Photogram } from "./client.js";', 'const client = new Photogram("");']
    for request in WRONG.values():
        lines += ["// @ts-expect-error", f"await {request};"]
    # Fields with a default may be left out.
    body = '{ content_type: "image/jpeg", bytes: 10 }'
    lines.append(f'await client.request("post", "/v1/media/upload", {{ body: {body} }});')
    check = built / "src" / "check.ts"
    check.write_text("\n".join(lines))
    run(built, str(NPM), "run", "build", "--", "--noEmit")
    check.unlink()


def test_example_signs_up_uploads_posts_and_reads_the_feed(built: Path, live_stack: LiveStack, tmp_path: Path) -> None:
    Image.new("RGB", (900, 600), "teal").save(tmp_path / "photo.jpg")
    output = run(built, str(NODE), "dist/example.js", live_stack.url, str(tmp_path / "photo.jpg"))
    assert "Photos may have up to 30000000 bytes." in output
    assert "medium,medium" in output
    assert "Refused: cannot_follow_self." in output


# What a proxy or the API responds at each path: the status, the body, Retry-After; and the error that is thrown.
RESPONSES: dict[str, tuple[int, str, str, list[object]]] = {
    "/page": (502, "<html>Bad Gateway</html>", "7", [502, None, 7]),
    "/empty": (503, "", "Wed, 21 Oct 2026 07:28:00 GMT", [503, None, None]),
    "/null": (504, "null", "", [504, None, None]),
    "/other": (500, '{"message": "no"}', "", [500, None, None]),
    "/portal": (200, "<html>Sign in to the network</html>", "", [200, None, None]),
    "/problem": (429, '{"code": "rate_limited", "detail": "Slow down."}', "9", [429, "rate_limited", 9]),
}


class Proxy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body, retry_after, _ = RESPONSES[self.path]
        self.send_response(status)
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:
        """The requests are not of interest."""


def test_every_unexpected_response_is_an_error_with_its_status(built: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    (built / "dist" / "errors.js").write_text(
        """
        import { Photogram, PhotogramError } from "./client.js";
        const [url, ...paths] = process.argv.slice(2);
        for (const path of paths) {
          const error = await new Photogram(url).request("get", path, {}).catch((error) => error);
          const known = error instanceof PhotogramError;
          console.log(JSON.stringify([known && error.status, error.problem?.code ?? null, error.retryAfter ?? null]));
        }
        """
    )
    try:
        output = run(built, str(NODE), "dist/errors.js", f"http://127.0.0.1:{server.server_port}", *RESPONSES)
    finally:
        server.shutdown()
        server.server_close()
    assert [json.loads(line) for line in output.splitlines()] == [error for *_, error in RESPONSES.values()]
