"""Promises M1 and M2: decoding happens in a child that is bounded, and whose end harms one upload."""

import ctypes
import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import pytest
from celery.signals import worker_init
from PIL import Image

from apps.media import confinement, sandbox
from apps.media.imaging import ImagingError, Limits, Picture
from apps.media.sandbox import RenderPool
from config.celery import hide_memory
from tests.media import pictures
from tests.media.pictures import file_of, landscape, quarters
from tests.waiting import eventually

Render = Callable[..., Picture]
# Takes the child about a second, so that there is time to hurt it.
LABORIOUS = pictures.flat_webp(5000)


@pytest.fixture
def pool() -> Iterator[RenderPool]:
    pool = RenderPool()
    yield pool
    pool.close()


@pytest.fixture
def render(pool: RenderPool, tmp_path: Path) -> Render:
    """`render(data, "image/png")` → Picture, in the child of `pool`."""

    def run(data: bytes, declared_type: str, *, limits: Limits | None = None, square: bool = False) -> Picture:
        source = tmp_path / "original"
        source.write_bytes(data)
        return pool.render(
            source, declared_type=declared_type, into=tmp_path, square=square, limits=limits or Limits(wall_seconds=60)
        )

    return run


def good(render: Render) -> Picture:
    """Any good picture: what was done to the child before must not matter."""
    picture = render(file_of(quarters(), "image/jpeg"), "image/jpeg")
    assert len(picture.renditions) == 6
    return picture


def refusal(render: Render, data: bytes, declared_type: str, **options: object) -> ImagingError:
    with pytest.raises(ImagingError) as caught:
        render(data, declared_type, **options)
    return caught.value


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def memory(pid: int, *, what: str = "VmHWM") -> int:
    """The most bytes that were ever resident (VmHWM), or those that are now (VmRSS)."""
    return int(status_of(pid)[what].removesuffix(" kB")) * 1024


def is_alive(pid: int) -> bool:
    try:
        return not status_of(pid)["State"].startswith("Z")
    except FileNotFoundError:
        return False


class Meanwhile:
    """Does something to the pool's child again and again while it works."""

    def __init__(self, pool: RenderPool, deed: Callable[[int], None], *, times: int) -> None:
        self.pool, self.deed, self.left = pool, deed, times
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_: object) -> None:
        self.left = 0
        self.thread.join()

    def _run(self) -> None:
        hurt = None
        while self.left:
            pid = self.pool.pid
            # At work: it has read the request and decodes (the interpreter alone needs less).
            if pid and pid != hurt and _working(pid):
                self.deed(pid)
                hurt, self.left = pid, self.left - 1
            time.sleep(0.01)


def _working(pid: int) -> bool:
    return is_alive(pid) and memory(pid, what="VmRSS") > 100_000_000


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def freeze(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


# ── One child, many pictures ──────────────────────────────────────────────────────────────────────────────────────


def test_one_child_renders_many_pictures(pool: RenderPool, render: Render) -> None:
    good(render)
    first = pool.pid

    for content_type in pictures.TYPES:
        render(file_of(quarters(), content_type), content_type)
    refusal(render, pictures.HTML, "image/jpeg")
    good(render)

    assert pool.pid == first


# The second can be opened, but a read of its first page fails.
@pytest.mark.parametrize("source", [Path("/nonexistent/original"), Path("/proc/self"), Path("/proc/self/mem")], ids=str)
def test_source_that_cannot_be_read_is_no_fault_of_the_picture(
    pool: RenderPool, render: Render, tmp_path: Path, source: Path
) -> None:
    with pytest.raises(OSError, match=r"No such file|Is a directory|Input/output error"):
        pool.render(source, declared_type="image/jpeg", into=tmp_path, square=False, limits=Limits(wall_seconds=60))
    good(render)


def test_a_child_is_replaced_after_so_many_pictures(
    pool: RenderPool, render: Render, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "PICTURES_PER_CHILD", 2)
    children = []
    for _ in range(4):
        good(render)
        children.append(pool.pid)

    assert children[0] == children[1] != children[2] == children[3]
    assert children[0]
    assert not is_alive(children[0])


def test_the_result_is_that_of_imaging(render: Render) -> None:
    picture = render(file_of(landscape(1500, 1000), "image/png"), "image/png", square=True)

    assert (picture.width, picture.height, len(picture.blurhash)) == (1500, 1000, 28)
    assert [(r.name, r.width) for r in picture.renditions] == [("thumb", 320)] * 2 + [("medium", 1000)] * 2
    for rendition in picture.renditions:
        assert rendition.bytes == len(rendition.path.read_bytes())


def test_a_full_disk_can_be_tried_again(render: Render, tmp_path: Path) -> None:
    (tmp_path / "thumb.webp").mkdir()

    with pytest.raises(OSError, match="Is a directory"):
        render(file_of(quarters(), "image/jpeg"), "image/jpeg")


# ── M1: bombs ─────────────────────────────────────────────────────────────────────────────────────────────────────

BOMBS: list[tuple[str, Callable[[], bytes]]] = [
    ("image/webp", lambda: pictures.flat_webp(9400)),
    ("image/jpeg", lambda: pictures.many_scans(10, side=9400)),
    ("image/png", lambda: pictures.flat_png(9400, 9400)),
    ("image/jpeg", lambda: pictures.many_scans(1000, side=4000)),
]


@pytest.mark.promise("M1")
def test_bombs_are_refused_in_five_seconds_and_others_keep_flowing(pool: RenderPool, render: Render) -> None:
    good(render)
    for content_type, make in BOMBS:
        bomb, started = make(), time.monotonic()

        assert refusal(render, bomb, content_type).code == "image_too_large"

        assert time.monotonic() - started < 5
        assert pool.pid
        assert memory(pool.pid) < 200_000_000, "nothing was decoded"
        good(render)


@pytest.mark.slow
@pytest.mark.promise("M1")
def test_what_is_just_within_the_limits_ends_in_time(pool: RenderPool, render: Render) -> None:
    """The most scans over the most pixels; five seconds are seconds of CPU, for this machine may have other work."""
    used = os.times().children_user + os.times().children_system
    with suppress(ImagingError):
        render(pictures.many_scans(10, side=8000), "image/jpeg")
    assert pool.pid is None or memory(pool.pid) < Limits().max_memory

    pool.close()

    assert os.times().children_user + os.times().children_system - used < 6


@pytest.mark.slow
@pytest.mark.promise("M1")
def test_time_is_cpu_time_of_one_picture(render: Render) -> None:
    stingy = Limits(cpu_seconds=0.4, wall_seconds=60)

    for _ in range(8):
        render(file_of(landscape(320, 240), "image/jpeg"), "image/jpeg", limits=stingy)

    assert refusal(render, LABORIOUS, "image/webp", limits=stingy).code == "processing_timeout"
    good(render)


@pytest.mark.promise("M1")
def test_memory_is_bounded(pool: RenderPool, render: Render) -> None:
    picture = pictures.flat_png(8000, 5000)

    error = refusal(render, picture, "image/png", limits=Limits(max_memory=60_000_000, wall_seconds=60))

    assert error.code == "image_too_large"
    assert pool.pid
    assert memory(pool.pid) < 120_000_000
    assert render(picture, "image/png").width == 8000


@pytest.mark.slow
@pytest.mark.promise("M1")
def test_the_largest_pictures_allowed_fit(pool: RenderPool, render: Render) -> None:
    for content_type, data in (("image/webp", pictures.flat_webp(8000)), ("image/png", pictures.flat_png(8000, 8000))):
        assert render(data, content_type, limits=Limits(cpu_seconds=60, wall_seconds=100)).width == 8000

    assert pool.pid
    assert memory(pool.pid) < Limits().max_memory
    assert memory(pool.pid, what="VmRSS") < 100_000_000, "given back"


@pytest.mark.slow
@pytest.mark.promise("M1")
def test_a_twelve_megapixel_photo_takes_less_than_250_megabytes(pool: RenderPool, render: Render) -> None:
    render(file_of(landscape(4032, 3024), "image/jpeg", quality=92), "image/jpeg")

    assert pool.pid
    assert memory(pool.pid) < 250_000_000


# ── M2: a child that may be killed, and cannot do much ────────────────────────────────────────────────────────────


@pytest.mark.slow
@pytest.mark.promise("M2")
def test_a_child_killed_while_it_renders_is_replaced_and_the_picture_is_finished(
    pool: RenderPool, render: Render
) -> None:
    with Meanwhile(pool, kill, times=1):
        picture = render(LABORIOUS, "image/webp")

    assert picture.width == 5000


@pytest.mark.promise("M2")
def test_a_picture_that_kills_every_child_fails_and_the_next_one_works(pool: RenderPool, render: Render) -> None:
    with Meanwhile(pool, kill, times=2):
        error = refusal(render, LABORIOUS, "image/webp")

    assert error.code == "image_corrupt"
    good(render)


@pytest.mark.promise("M2")
def test_a_child_killed_while_idle_harms_nobody(pool: RenderPool, render: Render) -> None:
    good(render)
    assert pool.pid
    kill(pool.pid)

    good(render)


@pytest.mark.slow
@pytest.mark.promise("M2")
def test_a_child_that_hangs_is_killed(pool: RenderPool, render: Render) -> None:
    good(render)
    hanging = pool.pid
    assert hanging
    with Meanwhile(pool, freeze, times=1):
        error = refusal(render, LABORIOUS, "image/webp", limits=Limits(wall_seconds=1.0))

    assert error.code == "processing_timeout"
    assert not is_alive(hanging)
    good(render)


@pytest.mark.promise("M2")
def test_the_child_knows_no_secrets_and_holds_no_descriptors(
    pool: RenderPool, render: Render, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    with (tmp_path / "open").open("w") as handle:
        os.set_inheritable(handle.fileno(), True)
        good(render)
        assert pool.pid
        descriptors = [os.readlink(link) for link in Path(f"/proc/{pool.pid}/fd").iterdir()]

    assert b"do-not-tell" not in Path(f"/proc/{pool.pid}/environ").read_bytes()
    assert {each.split(":")[0] for each in descriptors} <= {"socket", "/dev/null"}


@pytest.mark.promise("M2")
def test_the_worker_hides_its_memory(render: Render) -> None:
    get_dumpable = 3
    libc = ctypes.CDLL(None)
    before = libc.prctl(get_dumpable, 0, 0, 0, 0)
    try:
        good(render)
        assert libc.prctl(get_dumpable, 0, 0, 0, 0) == 0
    finally:
        libc.prctl(confinement.PR_SET_DUMPABLE, before, 0, 0, 0)
    assert hide_memory in [receiver() for _, receiver, *_ in worker_init.receivers]


@pytest.mark.promise("M2")
def test_the_child_is_confined(pool: RenderPool, render: Render) -> None:
    good(render)
    assert pool.pid

    status = status_of(pool.pid)

    assert status["NoNewPrivs"] == "1"
    assert status["Uid"].split()[0] == (str(os.getuid()) if os.getuid() else str(confinement.NOBODY))
    limits = Path(f"/proc/{pool.pid}/limits").read_text().splitlines()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits}
    assert soft["Max core file size"] == soft["Max file size"] == "0"
    assert soft["Max processes"] == "1"
    assert soft["Max open files"] == str(sandbox.MAX_DESCRIPTORS)
    assert soft["Max data size"] == str(Limits().max_memory)


def message(text: str) -> bytes:
    return sandbox.LENGTH.pack(len(text)) + text.encode()


def claim(**rendition: object) -> bytes:
    """The answer for a picture with one rendition."""
    picture = {"width": 1, "height": 1, "blurhash": "", "dominant_color": "", "image_hashes": []}
    return message(json.dumps(picture | {"renditions": [{"width": 1, "height": 1, "bytes": 1} | rendition]})) + b"x"


@pytest.mark.promise("M2")
@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense",
        b"",
        message("[]"),
        message("{}"),
        claim(name="../../outside", content_type="image/webp"),
        claim(name="thumb", content_type="text/html"),
        claim(name="thumb", content_type="image/webp", bytes=-1),
        claim(name="thumb", content_type="image/webp", bytes=10**12),
        claim(name="thumb", content_type="image/webp", width="wide"),
        sandbox.LENGTH.pack(2**32 - 1) + b"x" * 100_000,
    ],
    ids=["nonsense", "nothing", "list", "empty", "path", "type", "negative", "endless", "words", "long"],
)
def test_a_child_that_was_taken_over_is_not_believed(
    render: Render, answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_started", lambda: _liar(answer))

    assert refusal(render, file_of(quarters(), "image/jpeg"), "image/jpeg").code == "image_corrupt"
    assert [path.name for path in tmp_path.iterdir()] == ["original"]


def _liar(answer: bytes) -> sandbox._Child:
    ours, theirs = socket.socketpair()
    code = f"import os; os.read(0, 100); os.write(0, {answer!r}); os.close(0)"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, start_new_session=True)
    theirs.close()
    return sandbox._Child(process, ours)


# ── M2: what a child that was taken over may do ───────────────────────────────────────────────────────────────────

# Confines itself as the child does, and tries what an attacker would. Arguments: the worker, a port that listens, a
# file of the project, and what the kernel is assumed to lack.
PROBE = """
import ctypes, os, resource, signal, socket, subprocess, sys, tempfile, threading
from pathlib import Path
from apps.media import confinement, sandbox
from apps.media.imaging import Limits

worker, port, file = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if missing := sys.argv[4].split():
    confinement.missing_in_kernel = lambda: missing
libc = ctypes.CDLL(None, use_errno=True)

def system_call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")

attempts = {
    "read the environment of the worker": lambda: Path(f"/proc/{worker}/environ").read_bytes(),
    "read the memory of the worker": lambda: open(f"/proc/{worker}/mem", "rb", 0),
    "trace the worker": lambda: system_call({"x86_64": 101, "aarch64": 117}[os.uname().machine], 16, worker, 0, 0),
    "read memory of another process": lambda: system_call(
        {"x86_64": 310, "aarch64": 270}[os.uname().machine], worker, 0, 0, 0, 0, 0
    ),
    "signal the worker": lambda: os.kill(worker, 0),
    "limit the worker": lambda: resource.prlimit(worker, resource.RLIMIT_NOFILE),
    "connect": lambda: socket.socket().connect(("127.0.0.1", port)),
    "send a datagram": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "open a unix socket": lambda: socket.socket(socket.AF_UNIX),
    "resolve a name": lambda: socket.create_connection(("localhost", port), 2),
    "read a file of the project": lambda: Path(file).read_bytes(),
    "write into the project": lambda: Path(file).with_name(".probe").write_text(""),
    "write into its own folder": lambda: open(".probe", "w"),
    "delete a file": lambda: os.unlink(file),
    "make a folder": lambda: os.mkdir(file + ".d"),
    "make a link": lambda: os.symlink("/etc/passwd", file + ".l"),
    "list temporary files": lambda: os.listdir(tempfile.gettempdir()),
    "list files": lambda: os.listdir("/"),
    "change the folder": lambda: os.chdir("/"),
    "start a shell": lambda: subprocess.run(["/bin/sh", "-c", "id"]),
    "become another program": lambda: os.execv("/bin/sh", ["sh", "-c", "exit"]),
    "fork": os.fork,
    "create a namespace": lambda: system_call({"x86_64": 272, "aarch64": 97}[os.uname().machine], 0x10000000),
    "become root": lambda: os.setuid(0) if os.getuid() else os.setuid(1),
    "have processes": lambda: resource.getrlimit(resource.RLIMIT_NPROC)[0] <= 1 or "many",
    "start a thread": lambda: threading.Thread(target=int).start(),
}
sandbox._confine(os.getppid())
sandbox._bound(Limits())
for name, attempt in attempts.items():
    try:
        done = attempt()
    except Exception:
        done = "refused"
    print(name, "refused" if done is True else done, sep=": ", flush=True)
"""


@pytest.mark.promise("M2")
@pytest.mark.parametrize("missing", ["", "Landlock"])
def test_the_kernel_refuses_the_child_everything(missing: str, tmp_path: Path) -> None:
    if "seccomp" in confinement.missing_in_kernel():
        assert "CI" not in os.environ, "CI runs on a kernel with seccomp"
        pytest.skip("This kernel has no seccomp.")
    file = tmp_path / "settings.py"
    file.write_text("SECRET_KEY = 1")
    tmp_path.chmod(0o777)
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, "-c", PROBE, str(os.getpid()), str(server.getsockname()[1]), str(file), missing],
            cwd=sandbox.ROOT,
            capture_output=True,
            text=True,
        )

    lines = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert len(lines) > 20, done.stderr
    assert {name: answer for name, answer in lines.items() if answer != "refused"} == {}
    assert file.exists()


# ── Processes around it ───────────────────────────────────────────────────────────────────────────────────────────


Answers: TypeAlias = "multiprocessing.Queue[tuple[str, int]]"


def _render_one(folder: str, answers: Answers) -> None:
    source = Path(folder) / "original"
    Image.new("RGB", (64, 64), "teal").save(source, "PNG")
    picture = sandbox.render_safely(source, declared_type="image/png", into=Path(folder))
    answers.put((picture.dominant_color, sandbox._pool.pid or 0))


def test_daemonic_processes_such_as_celerys_can_render(tmp_path: Path) -> None:
    """`multiprocessing` refuses them children; and a child that was there before the fork is not shared."""
    fork = multiprocessing.get_context("fork")
    here: Answers = fork.Queue()
    _render_one(str(tmp_path), here)
    _, ours = here.get(timeout=20)
    try:
        there: Answers = fork.Queue()
        worker = fork.Process(target=_render_one, args=(str(tmp_path), there), daemon=True)
        worker.start()
        colour, theirs = there.get(timeout=20)
        worker.join()

        assert colour == "#008080"
        assert theirs != ours
        assert is_alive(ours)
        eventually(lambda: not is_alive(theirs), 10, otherwise="the worker's child outlives it")
    finally:
        sandbox._pool.close()


@pytest.mark.slow
def test_threads_take_turns(pool: RenderPool, tmp_path: Path) -> None:
    widths: dict[int, int] = {}

    def work(width: int) -> None:
        folder = tmp_path / str(width)
        folder.mkdir()
        (folder / "original").write_bytes(file_of(quarters(width, 64), "image/png"))
        done = pool.render(
            folder / "original", declared_type="image/png", into=folder, square=False, limits=Limits(wall_seconds=60)
        )
        widths[width] = done.width

    threads = [threading.Thread(target=work, args=(width,)) for width in range(64, 80, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert widths == {width: width for width in range(64, 80, 2)}


WORKER = """
import sys, threading, time
from pathlib import Path
from apps.media.sandbox import Limits, RenderPool
pool = RenderPool()
source = Path(sys.argv[1])
work = lambda: pool.render(source, declared_type="image/webp", into=source.parent, square=False,
                           limits=Limits(cpu_seconds=60, wall_seconds=60))
def tell():
    while not pool.pid:
        time.sleep(0.01)
    print(pool.pid, flush=True)
threading.Thread(target=tell, daemon=True).start()
work()
"""


def test_the_child_dies_with_its_parent_even_at_work(tmp_path: Path) -> None:
    source = tmp_path / "original"
    source.write_bytes(LABORIOUS)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(source)], cwd=sandbox.ROOT, stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout
    child = int(worker.stdout.readline())
    eventually(lambda: _working(child), 10, every=0.01, otherwise="it does not work")

    worker.kill()
    worker.wait()
    worker.stdout.close()

    eventually(lambda: not is_alive(child), 10, every=0.01, otherwise="the child is still there")


def test_the_child_does_not_load_django() -> None:
    code = (
        "import apps.media.sandbox, sys; print([name for name in sys.modules if name.startswith(('django', 'celery'))])"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=sandbox.ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
