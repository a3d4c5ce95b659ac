"""The endpoints that are measured, and the requests that do so: the same ones for the same world and seed.

Import it when Django is set up.
"""

import json
import random
import time
import urllib.request
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle, islice
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.accounts import refresh_tokens, tokens
from apps.accounts.models import Session
from apps.core import cache
from apps.core.db.ids import new_id
from apps.web import sessions
from bench import data
from bench.driver import Call, call
from bench.stack import Bench, Served

API = "/v1"
ORDINARY = 200  # how many most readers follow
WRITING = 16  # of those
KNOWN_SECONDS = 20
QUERIES = ["ana_1", "noor_2", "pixel_77", "zoe", "Müller", "mei tanaka", "okafr", "Lindqvist", "rosa", "hugo be"]
Calls = Iterator[Call]


@dataclass(frozen=True)
class Reader:
    number: int
    id: str
    session: str
    token: str

    @property
    def cookie(self) -> str:
        """That of a browser with the same session."""
        return f"{settings.WEB_SESSION_COOKIE}={sessions.cookie_value(UUID(self.id), UUID(self.session))}"


@dataclass(frozen=True)
class Path:
    """`calls(readers)` are endless, for one connection, whose readers nobody else is. `readers`: those who follow as
    many as most do, those who follow the most, or those who write, whose feed is in doubt after that, so that they are
    not the ones who read."""

    name: str
    calls: Callable[[list[Reader]], Calls]
    readers: Literal["ordinary", "heavy", "writing"] = "ordinary"


@dataclass
class Walk:
    """The paths of one run against one served API."""

    bench: Bench
    api: Served
    random: random.Random
    _forgotten: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _known: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.world = self.bench.world
        self.readers = {
            followed: [self.signed_in(n) for n in numbers] for followed, numbers in self.world.readers.items()
        }
        self.most = max(self.readers)

    def signed_in(self, number: int) -> Reader:
        session = self._session(UUID(self.world.person(number)))
        return Reader(number, str(session.user_id), str(session.pk), tokens.access_token(session))

    @staticmethod
    def _session(person: UUID) -> Session:
        return Session.objects.create(user_id=person, expires_at=timezone.now() + timedelta(days=1))

    # ── Choices ──
    def person(self, *, but: Set[int] = frozenset()) -> int:
        """Somebody public, who is nothing special."""
        while True:
            number = self.random.randrange(self.world.reader_count, self.world.star)
            if number not in but and not self.world.is_private(number):
                return number

    def post(self, *, talked_of: bool = False) -> int:
        """A post that everybody may see."""
        while True:
            number = self.random.randrange(self.world.size.posts)
            number -= number % 250 if talked_of else 0
            if number % 20 != 7 and not self.world.is_private(self.world.author(number)):
                return number

    def post_id(self, number: int) -> str:
        return str(UUID(self.world.post(number)))

    def get(self, path: str, reader: Reader) -> Any:
        return self.ask("GET", path, reader)

    def ask(self, method: str, path: str, reader: Reader, body: bytes | None = None) -> Any:
        headers = {"Authorization": f"Bearer {reader.token}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.api.port}{API}{path}"
        request = urllib.request.Request(url, data=body, headers=headers, method=method)
        return json.loads(urllib.request.urlopen(request, timeout=30).read())

    # ── Reads ──
    def feed(self, readers: list[Reader]) -> Calls:
        return (call("GET", f"{API}/feed", token=reader.token) for reader in cycle(readers))

    def feed_page(self, readers: list[Reader]) -> Calls:
        return (call("GET", "/", cookie=reader.cookie) for reader in cycle(readers))

    def fifth_page(self, readers: list[Reader]) -> Calls:
        # Found anew for each run: what is posted meanwhile pushes a page back.
        pages = [(reader, self._fifth(reader)) for reader in readers[:4]]
        return (call("GET", f"{API}/feed{cursor}", token=reader.token) for reader, cursor in cycle(pages))

    def _fifth(self, reader: Reader) -> str:
        cursor = ""
        for _ in range(4):
            cursor = "?cursor=" + quote(self.get(f"/feed{cursor}", reader)["next_cursor"])
        return cursor

    def cold(self, readers: list[Reader]) -> Calls:
        """Before each request everything goes that Redis knows of the reader's feed."""
        for reader in readers:
            if reader.id not in self._forgotten:
                self.get("/feed", reader)
                with self.bench.cache() as client:
                    keys = client.scan_iter(f"*:feed:*{reader.id}*", count=10_000)
                    self._forgotten[reader.id] = tuple(key.decode() for key in keys)
        return (
            call("GET", f"{API}/feed", token=reader.token, forget=self._forgotten[reader.id])
            for reader in cycle(readers)
        )

    def profile(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            yield call("GET", f"{API}/users/@{self.world.handle(self.person())}", token=reader.token)

    def posts_of(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            yield call("GET", f"{API}/users/@{self.world.handle(self.person())}/posts", token=reader.token)

    def single_post(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            yield call("GET", f"{API}/posts/{self.post_id(self.post())}", token=reader.token)

    def comments(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            yield call("GET", f"{API}/posts/{self.post_id(self.post(talked_of=True))}/comments", token=reader.token)

    def notifications(self, readers: list[Reader]) -> Calls:
        return (call("GET", f"{API}/notifications", token=reader.token) for reader in cycle(readers))

    def search(self, readers: list[Reader]) -> Calls:
        for reader, words in zip(cycle(readers), cycle(QUERIES), strict=False):
            yield call("GET", f"{API}/search/users?q={quote(words)}", token=reader.token)

    # ── Writes ──
    def like(self, readers: list[Reader]) -> Calls:
        """Of posts that the reader does not like."""
        for reader in cycle(readers):
            number = self.post()
            if reader.number not in self.world.likers(number):
                yield call("POST", f"{API}/posts/{self.post_id(number)}/like", token=reader.token)

    def follow(self, readers: list[Reader]) -> Calls:
        known = {reader.number: set(self.world.followed(reader.number)) for reader in readers}
        for reader in cycle(readers):
            number = self.person(but=known[reader.number])
            known[reader.number].add(number)
            yield call("POST", f"{API}/users/@{self.world.handle(number)}/follow", token=reader.token)

    def comment(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            path = f"{API}/posts/{self.post_id(self.post())}/comments"
            yield call("POST", path, token=reader.token, body=b'{"text": "What a light, and what a place!"}')

    def create_post(self, readers: list[Reader]) -> Calls:
        when = timezone.now().isoformat()
        with self.bench.database() as connection:
            for reader in cycle(readers):
                # A few at a time: how many are wanted is not known here.
                made = [str(new_id()) for _ in range(10)]
                rows = (data.medium_row(UUID(pk).hex, reader.id, when, public=False, used=False) for pk in made)
                data.copy(connection, "media_media", data.MEDIA, rows)
                for pk in made:
                    body = json.dumps({"media_ids": [pk], "caption": "Low tide, and nobody there. #harbour #morning"})
                    yield call("POST", f"{API}/posts", token=reader.token, body=body.encode())

    def refresh_feed(self, readers: list[Reader]) -> Calls:
        return (call("POST", f"{API}/feed/refresh", token=reader.token) for reader in cycle(readers))

    def refresh_token(self, readers: list[Reader]) -> Calls:
        for reader in cycle(readers):
            session = self._session(UUID(reader.id))
            body = {"grant_type": "refresh_token", "refresh": refresh_tokens.issue(session, session.generation)}
            yield call("POST", f"{API}/auth/token", body=json.dumps(body).encode())

    def all(self) -> list[Path]:
        return [
            Path("feed, first page", self.feed),
            Path("feed page (web)", self.feed_page),
            Path("feed, page 5", self.fifth_page),
            Path(f"feed, {self.most:,} followed", self.feed, readers="heavy"),
            Path(f"feed, cold, {self.most:,} followed", self.cold, readers="heavy"),
            Path("profile", self.profile),
            Path("user's posts", self.posts_of),
            Path("single post", self.single_post),
            Path("comments", self.comments),
            Path("notifications", self.notifications),
            Path("search users", self.search),
            Path("like", self.like),
            Path("follow", self.follow, readers="writing"),
            Path("comment", self.comment),
            Path("create post", self.create_post, readers="writing"),
            Path("feed refresh", self.refresh_feed),
            Path("token refresh", self.refresh_token),
        ]

    def _make_known(self, readers: list[Reader]) -> None:
        """Their sessions are in the cache when a run begins, for those who ask in few paths as for those who ask in
        many: a record is forgotten a minute after it was written, and it is no cost of a path to read it again."""
        now = time.monotonic()
        strangers = [reader for reader in readers if now - self._known.get(reader.session, 0.0) > KNOWN_SECONDS]
        with self.bench.cache() as client:
            for reader in strangers:
                client.delete(cache.key("auth", "s", reader.session))
                self.get("/notifications/unread-count", reader)
                self._known[reader.session] = now

    def plan(self, path: Path, connections: int, count: int) -> list[list[Call]]:
        """`count` calls in all; no two connections have a reader in common."""
        readers = self.readers[self.most if path.readers == "heavy" else ORDINARY]
        if path.readers != "heavy":
            readers = readers[-WRITING:] if path.readers == "writing" else readers[:-WRITING]
        self._make_known(readers)
        return [
            list(islice(path.calls(readers[place::connections]), count // connections)) for place in range(connections)
        ]


def undone(plan: list[list[Call]]) -> list[list[Call]]:
    """What takes likes and follows back: the same with DELETE, or at /unfollow."""
    return [[_undone(each) for each in calls] for calls in plan]


def _undone(each: Call) -> Call:
    line, _, rest = each.request.partition(b"\r\n")
    if line.split()[1].endswith(b"/like"):
        line = line.replace(b"POST ", b"DELETE ")
    else:
        line = line.replace(b"/follow", b"/unfollow")
    return Call(line + b"\r\n" + rest)
