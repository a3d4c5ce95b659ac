"""People who use Photogram over HTTP, and remember what was acknowledged. Seeded: the same acts in the same order for
each of them; how the people's acts interleave is the machine's affair."""

import io
import random
import re
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from PIL import Image

from bench.faults.network import MailSink

PASSWORD = "a better battery staple"  # everybody's
# As the proxy in front does (config/deploy/Caddyfile): while nobody listens, a request waits.
HELD_SECONDS = 30.0
# Acts, and how often each is chosen.
EVERYTHING = {"upload": 4, "like": 10, "comment": 6, "follow": 6, "feed": 10, "post": 6, "profile": 4, "told": 4}
WRITES = {"like": 10, "comment": 10, "follow": 6, "text": 2}


@dataclass
class Person:
    handle: str
    address: str
    id: str = ""
    access: str = ""
    refresh: str = ""


@dataclass
class Ledger:
    """What the API has acknowledged."""

    uploads: set[str] = field(default_factory=set)
    posts: dict[str, str] = field(default_factory=dict)  # id: author's id
    likes: set[tuple[str, str]] = field(default_factory=set)  # person, post
    comments: set[str] = field(default_factory=set)
    follows: set[tuple[str, str]] = field(default_factory=set)
    bios: dict[str, str] = field(default_factory=dict)  # person: the last acknowledged
    deleted: set[str] = field(default_factory=set)  # posts

    @property
    def acts(self) -> int:
        return len(self.posts) + len(self.likes) + len(self.comments) + len(self.follows)


@dataclass(frozen=True)
class Call:
    kind: str
    status: int  # 0: no answer
    seconds: float
    at: float
    error: str = ""


class Calls:
    """Every call that was made, one after the other."""

    def __init__(self) -> None:
        self.all: list[Call] = []

    def since(self, moment: float) -> "Calls":
        later = Calls()
        later.all = [call for call in self.all if call.at >= moment]
        return later

    def of(self, wanted: Callable[[Call], bool]) -> "Calls":
        some = Calls()
        some.all = [call for call in self.all if wanted(call)]
        return some

    def statuses(self) -> dict[int, int]:
        return dict(sorted(Counter(call.status for call in self.all).items()))

    @property
    def share_served(self) -> float:
        """Neither 5xx nor without an answer."""
        if not self.all:
            return 0.0
        return sum(0 < call.status < 500 for call in self.all) / len(self.all)

    def percentile(self, percent: int) -> float:
        seconds = [call.seconds for call in self.all]
        return statistics.quantiles(seconds, n=100)[percent - 1] if len(seconds) > 1 else 0.0

    @property
    def slowest(self) -> float:
        return max((call.seconds for call in self.all), default=0.0)

    def __str__(self) -> str:
        shown = ", ".join(f"{status or 'no answer'}: {count}" for status, count in self.statuses().items())
        return f"{len(self.all)} calls ({shown}); p50 {self.percentile(50):.2f} s, p99 {self.percentile(99):.2f} s"


class Refused(Exception):
    """The API did not acknowledge it."""


class Crowd:
    """Some people, their acts, and what came of them."""

    def __init__(self, name: str, *, url: str, storage: str, mails: MailSink, seed: int, size: int) -> None:
        self.url, self.storage, self.mails = url, storage, mails
        self.random = random.Random(f"{seed} {name}")
        self.ledger, self.calls = Ledger(), Calls()
        self.people = [
            Person(f"{name}_{number}", f"10.{self.random.randrange(256)}.{number // 250}.{number % 250 + 1}")
            for number in range(size)
        ]
        self.visible: list[str] = []  # posts that others may see
        self._fresh: list[str] = []  # posts of which that is not known yet
        self._photos = [_photo(self.random.randrange(2**32)) for _ in range(8)]
        self._local = threading.local()
        # Tries again, with the same key, what was not acknowledged, as an app would; otherwise each act has one try.
        self.persistent = False

    # ── Talking ──
    @property
    def _http(self) -> httpx.Client:
        if not hasattr(self._local, "client"):
            self._local.client = httpx.Client(timeout=15, limits=httpx.Limits(keepalive_expiry=2))
        client: httpx.Client = self._local.client
        return client

    def call(
        self, kind: str, method: str, path: str, person: Person, body: Any = None, *, key: str = "", token: str = ""
    ) -> httpx.Response | None:
        """One call, counted; None when there was no answer."""
        headers = {"X-Forwarded-For": person.address, "X-Forwarded-Proto": "https"}
        if token or person.access:
            headers["Authorization"] = f"Bearer {token or person.access}"
        if key:
            headers["Idempotency-Key"] = key
        begun = time.monotonic()
        answer, error = None, "nobody listens"
        while answer is None and time.monotonic() - begun < HELD_SECONDS:
            try:
                answer = self._http.request(method, f"{self.url}/v1{path}", json=body, headers=headers)
            except httpx.ConnectError:
                time.sleep(0.25)
            except httpx.TransportError as failure:
                error = repr(failure)
                break
        now = time.monotonic()
        status = answer.status_code if answer is not None else 0
        said = error if answer is None else answer.text if status >= 400 else ""
        self.calls.all.append(Call(kind, status, now - begun, now, said))
        return answer

    def do(self, kind: str, method: str, path: str, person: Person, body: Any = None, *, key: str = "") -> Any:
        """The JSON of an acknowledged act. Raises Refused."""
        for _ in range(60 if self.persistent else 1):
            answer = self.call(kind, method, path, person, body, key=key)
            if answer is not None and answer.is_success:
                return answer.json() if answer.content else None
            if answer is not None and answer.status_code < 500 and answer.status_code not in (409, 429):
                break
            if self.persistent:
                time.sleep(0.5)
        raise Refused(kind)

    # ── Arriving ──
    def arrive(self) -> None:
        """Everybody signs up, confirms their address, and wishes for mails about comments."""
        for person in self.people:
            address = f"{person.handle}@example.org"
            body = {"handle": person.handle, "email": address, "password": PASSWORD}
            person.id = self.do("sign_up", "POST", "/users", person, body)["id"]
            self.sign_in(person)
        for person in self.people:
            token = self._mailed_token(f"{person.handle}@example.org")
            self.do("confirm", "POST", "/auth/email/confirm", person, {"token": token})
            wishes = {"comment": {"in_app": True, "push": False, "email": True}}
            self.do("wishes", "PUT", "/notifications/preferences", person, wishes)

    def sign_in(self, person: Person) -> None:
        session = self.another_session(person)
        person.access, person.refresh = session["access"], session["refresh"]

    def another_session(self, person: Person) -> Any:
        body = {"login": person.handle, "password": PASSWORD}
        plain = Person(person.handle, person.address)
        return self.do("sign_in", "POST", "/auth/token", plain, body)

    def _mailed_token(self, address: str) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for mail in list(self.mails.mails):
                found = re.search(r"token=([\w-]+)", mail.body) if mail.to == address else None
                if found:
                    return found[1]
            time.sleep(0.1)
        raise TimeoutError(f"No mail to {address} within a minute.")

    def show(self, count: int) -> None:
        """So many posts, and wait until everybody may see them."""
        for number in range(count):
            self.upload(self.people[number % len(self.people)], self.random)
        deadline = time.monotonic() + 120
        while self._fresh:
            self.look_at_a_post(self.people[0], self.random)
            if time.monotonic() > deadline:
                raise TimeoutError("Posts were not published within two minutes.")
            time.sleep(0.05)

    # ── Acts ──
    def upload(self, person: Person, dice: random.Random) -> None:
        photo = dice.choice(self._photos)
        key = f"{dice.getrandbits(64):x}"
        body = {"content_type": "image/jpeg", "bytes": len(photo)}
        begun = self.do("upload", "POST", "/media/upload", person, body, key=key)
        self._put(begun["upload"], photo)
        self.do("complete", "POST", f"/media/upload/{begun['id']}/complete", person)
        self.ledger.uploads.add(begun["media_id"])
        caption = {"media_ids": [begun["media_id"]], "caption": f"Number {key} #bench"}
        post = self.do("write_post", "POST", "/posts", person, caption, key=key)
        self.ledger.posts[post["id"]] = person.id
        self._fresh.append(post["id"])

    def _put(self, target: dict[str, Any], photo: bytes) -> None:
        """To where the URL leads, by our own way: it is signed for the public name of storage."""
        url = httpx.URL(target["url"])
        headers = target["headers"] | {"Host": url.netloc.decode()}
        there = f"{self.storage}{url.raw_path.decode()}"
        for _ in range(60 if self.persistent else 1):
            with suppress(httpx.TransportError):
                if self._http.put(there, content=photo, headers=headers).is_success:
                    return
            time.sleep(0.5 if self.persistent else 0)
        raise Refused("put")

    def like(self, person: Person, dice: random.Random) -> None:
        post = dice.choice(self.visible)
        self.do("like", "POST", f"/posts/{post}/like", person)
        self.ledger.likes.add((person.id, post))

    def comment(self, person: Person, dice: random.Random) -> None:
        key = f"{dice.getrandbits(64):x}"
        text = {"text": f"What light! {key}"}
        made = self.do("comment", "POST", f"/posts/{dice.choice(self.visible)}/comment", person, text, key=key)
        self.ledger.comments.add(made["id"])

    def follow(self, person: Person, dice: random.Random) -> None:
        other = dice.choice([each for each in self.people if each is not person])
        self.do("follow", "POST", f"/users/{other.id}/follow", person)
        self.ledger.follows.add((person.id, other.id))

    def text(self, person: Person, dice: random.Random) -> None:
        bio = f"Bio {dice.getrandbits(64):x}"
        # Nobody else writes it, so what is acknowledged last stands; without an answer, either may.
        self.ledger.bios.pop(person.id, None)
        self.do("bio", "PATCH", "/users/me", person, {"bio": bio})
        self.ledger.bios[person.id] = bio

    def delete(self, person: Person, dice: random.Random) -> None:
        """One of one's own, that others may see."""
        own = [post for post in self.visible if self.ledger.posts.get(post) == person.id]
        if own:
            post = dice.choice(own)
            self.visible.remove(post)
            self.do("delete", "DELETE", f"/posts/{post}", person)
            self.ledger.deleted.add(post)

    def feed(self, person: Person, dice: random.Random) -> None:
        self.do("feed", "GET", "/feed", person)

    def look_at_a_post(self, person: Person, dice: random.Random) -> None:
        if self._fresh:
            post = self._fresh.pop(0)
            stranger = next(each for each in self.people if each.id != self.ledger.posts[post])
            answer = self.call("post", "GET", f"/posts/{post}", stranger)
            (self.visible if answer is not None and answer.is_success else self._fresh).append(post)
        else:
            self.do("post", "GET", f"/posts/{dice.choice(self.visible)}", person)

    def profile(self, person: Person, dice: random.Random) -> None:
        self.do("profile", "GET", f"/users/@{dice.choice(self.people).handle}", person)

    def told(self, person: Person, dice: random.Random) -> None:
        self.do("told", "GET", "/notifications", person)

    # ── At work ──
    @contextmanager
    def at_work(self, mix: dict[str, int], *, threads: int = 8, pause: float = 0.2) -> Iterator[None]:
        """Meanwhile people act; each thread has people of its own and rests a while between two acts."""
        leaving = threading.Event()
        acts: dict[str, Callable[[Person, random.Random], None]] = {
            kind: getattr(self, "look_at_a_post" if kind == "post" else kind) for kind in mix
        }

        def work(number: int) -> None:
            dice = random.Random(self.random.random())
            people = self.people[number::threads]
            while not leaving.is_set():
                kind = dice.choices(list(mix), list(mix.values()))[0]
                with suppress(Refused):
                    acts[kind](dice.choice(people), dice)
                leaving.wait(dice.expovariate(1 / pause) if pause else 0)

        workers = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(threads)]
        for worker in workers:
            worker.start()
        try:
            yield
        finally:
            leaving.set()
            for worker in workers:
                worker.join(90)


def _photo(seed: int) -> bytes:
    """Clouds, 800 by 600: some 60 kB."""
    noise = np.random.default_rng(seed).integers(0, 255, (12, 16, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((800, 600), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()
