"""A network of any size, by COPY: the same one for the same size, and every number of it known without looking.

Whatever belongs to person or post number n is a function of n (`World`), so that nothing has to be kept while millions
of rows are written, and so that a benchmark knows whom somebody follows or who likes a post. The first people are the
*readers*, in groups that follow a given number of others; the last is the *star*, whom thousands follow.
"""

import itertools
import json
import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

import psycopg

VERSION = 4  # of what is written here: data of another version is loaded anew
DAY = 86_400_000  # milliseconds
SPAN = 60 * DAY  # over which posts are spread
STRIDE = 7919  # a prime that divides no size: the people somebody follows are so far apart
FIRST = [
    "Ana",
    "Zoë",
    "Jürgen",
    "Łukasz",
    "Chloé",
    "Sam",
    "Olu",
    "Mei",
    "Tariq",
    "Inés",
    "Noor",
    "Rosa",
    "Kofi",
    "Hugo",
]
LAST = ["Mori", "Müller", "Okafor", "Silva", "Nowak", "Haddad", "Berg", "Kaya", "Lindqvist", "Petrov", "Tanaka"]
CAPTION = """
low tide at the old pier morning light over harbour first snow on rooftops a quiet street after rain market
day with friends somewhere north of here golden hour in the dunes small garden behind our house waiting
"""
TAGS = 2000
BLURHASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"


@dataclass(frozen=True)
class Size:
    """`readers` is {how many they follow: how many readers do}; everybody else follows `follows`. A post has up to
    twice `likes` likes. `star` people follow the star."""

    people: int
    posts: int
    follows: int
    likes: int
    readers: dict[int, int]
    star: int


SIZES = {
    # Nobody can follow 5,000 of 2,000 people.
    "small": Size(2_000, 50_000, 200, 5, {200: 40, 1_900: 8}, 1_500),
    "large": Size(100_000, 2_000_000, 30, 1, {50: 8, 200: 40, 500: 8, 5_000: 8}, 5_000),
    # With `large`, three decades.
    "tenth": Size(10_000, 200_000, 30, 1, {50: 8, 200: 40, 500: 8, 5_000: 8}, 500),
    "hundredth": Size(1_000, 20_000, 30, 1, {50: 8, 200: 40, 500: 8}, 500),
}


def mixed(n: int, salt: int) -> int:
    """64 bits that look random, the same for the same numbers."""
    x = (n * 0x9E3779B97F4A7C15 + salt * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)


def made_id(n: int, salt: int, moment: int) -> str:
    """A UUIDv7 of that moment (milliseconds), in hexadecimal digits."""
    random = mixed(n, salt)
    return f"{moment:012x}7{random & 0xFFF:03x}8{random >> 4:015x}"


@dataclass(frozen=True)
class World:
    """`ends` is the moment of the newest post, in milliseconds."""

    size: Size
    ends: int

    @cached_property
    def words(self) -> list[str]:
        return CAPTION.split()

    # ── People ──
    @cached_property
    def begins(self) -> int:
        return self.ends - SPAN

    @cached_property
    def star(self) -> int:
        return self.size.people - 1

    @cached_property
    def readers(self) -> dict[int, range]:
        """{how many they follow: their numbers}."""
        first, found = 0, {}
        for followed, count in self.size.readers.items():
            found[followed] = range(first, first + count)
            first += count
        return found

    @cached_property
    def reader_count(self) -> int:
        return sum(self.size.readers.values())

    @cached_property
    def _following(self) -> list[int]:
        """How many each reader follows."""
        return [followed for followed, numbers in self.readers.items() for _ in numbers]

    def person(self, n: int) -> str:
        return made_id(n, 1, self.begins - DAY * 30 + n)

    def handle(self, n: int) -> str:
        return f"{('ana', 'pixel', 'noor')[n % 3]}_{n}"

    def name(self, n: int) -> str:
        return f"{FIRST[mixed(n, 2) % len(FIRST)]} {LAST[mixed(n, 3) % len(LAST)]}"

    def is_private(self, n: int) -> bool:
        """A tenth of those who are nothing special."""
        return self.reader_count <= n < self.star and n % 10 == 3

    def followed(self, n: int) -> Iterator[int]:
        """The people whom person n follows; the star follows nobody."""
        count = self._following[n] if n < self.reader_count else self.size.follows if n < self.star else 0
        start, people = mixed(n, 4) % self.star, self.star
        others = ((start + j * STRIDE) % people for j in range(count + 1))
        yield from itertools.islice((other for other in others if other != n), count)
        if self.reader_count <= n < self.reader_count + self.size.star:
            yield self.star

    # ── Posts ──
    def post(self, n: int) -> str:
        return made_id(n, 5, self.begins + (n + 1) * SPAN // self.size.posts)

    def author(self, n: int) -> int:
        return mixed(n, 6) % self.size.people

    def photos(self, n: int) -> int:
        return 1 if n % 5 else 2 + mixed(n, 7) % 2

    def photo(self, n: int, place: int) -> str:
        return made_id(n * 4 + place, 8, self.begins + n * SPAN // self.size.posts)

    def likers(self, n: int) -> Iterator[int]:
        count = mixed(n, 9) % (2 * self.size.likes + 1) + (3 if self.author(n) < self.reader_count else 0)
        start = mixed(n, 10)
        return ((start + j * STRIDE) % self.star for j in range(count))

    def comments(self, n: int) -> int:
        """Some are much talked about."""
        return 25 if n % 250 == 0 else 1 if n % 3 == 0 else 0

    def comment(self, n: int, place: int) -> str:
        return made_id(n * 32 + place, 11, self.begins + (n + 1) * SPAN // self.size.posts + 1 + place)

    def commenter(self, n: int, place: int) -> int:
        return mixed(n * 32 + place, 12) % self.star

    def tags(self, n: int) -> list[int]:
        first = mixed(n, 13)
        return [] if n % 4 == 0 else list(dict.fromkeys((first % TAGS, (first >> 32) % 50)))

    def mentioned(self, n: int) -> int | None:
        return mixed(n, 14) % self.star if n % 12 == 0 else None

    def caption(self, n: int) -> str:
        start, mentioned = mixed(n, 15) % len(self.words), self.mentioned(n)
        words = itertools.islice(itertools.cycle(self.words), start, start + 4 + n % 14)
        opening = [] if mentioned is None else [f"@{self.handle(mentioned)}"]
        return " ".join([*opening, *words, *(f"#tag{tag:04d}" for tag in self.tags(n))])


# ── Rows, in the order of their columns ──────────────────────────────────────────────────────────────────
VARIANTS = json.dumps(
    [
        {"name": name, "content_type": kind, "width": width, "height": width * 3 // 4, "bytes": width * 120}
        for name, width in (("large", 2048), ("medium", 1080), ("thumb", 320))
        for kind in ("image/webp", "image/jpeg")
    ]
)
MEDIA = (
    "id owner_id purpose status alt_text content_type bytes sha256 original_key original_etag width height blurhash "
    "dominant_color variants private_secret public_secret wanted_public urls_revoked error_code error_detail attempts "
    "in_use uploaded_at"
)


def medium_row(pk: str, owner: str, when: str, *, purpose: str = "post", public: bool = True, used: bool = True) -> str:
    """A photo that is ready, with its variants."""
    secret = pk[::-1]
    flags = ("t" if public else "f", "f", "", "", "0", "t" if used else "f", when)
    keys = (f"originals/{secret}", pk, "4032", "3024", BLURHASH, "#7a8f9c", VARIANTS, f"p{secret}")
    shown = f"s{secret}" if public else ""
    about = (pk, owner, purpose, "ready", "A photograph", "image/jpeg", "3145728", "", *keys, shown, *flags)
    return "\t".join(about)


class Rows:
    """The rows of a world, table by table."""

    def __init__(self, world: World) -> None:
        self.world = world
        # What is counted in columns, gathered while the rows that are counted are written.
        self.followers, self.following, self.posted = (array("I", bytes(4 * world.size.people)) for _ in range(3))
        self.newest: dict[int, int] = {}
        # {reader: the numbers of their posts}
        self.of_readers: dict[int, list[int]] = {}
        for n in range(world.size.posts):
            author = world.author(n)
            self.posted[author] += 1
            self.newest[author] = n
            if author < world.reader_count:
                self.of_readers.setdefault(author, []).append(n)

    def when(self, moment: int) -> str:
        return (datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=moment)).isoformat()

    def follows(self) -> Iterator[str]:
        world, moment = self.world, itertools.count(self.world.begins - 20 * DAY)
        for n in range(world.size.people):
            follower = world.person(n)
            for other in world.followed(n):
                self.followers[other] += 1
                self.following[n] += 1
                number = next(moment)
                yield f"{made_id(number, 16, number)}\t{follower}\t{world.person(other)}"

    def avatars(self) -> Iterator[str]:
        world, when = self.world, self.when(self.world.begins)
        for n in range(world.size.people):
            yield medium_row(made_id(n, 17, world.begins - DAY), world.person(n), when, purpose="avatar")

    def people(self) -> Iterator[str]:
        world, when = self.world, self.when(self.world.begins - 30 * DAY)
        for n in range(world.size.people):
            private = "t" if world.is_private(n) else "f"
            numbers = f"{self.followers[n]}\t{self.following[n]}\t{self.posted[n]}"
            yield (
                f"{world.person(n)}\t!\tf\t{world.handle(n)}\t{n}@example.org\t{world.name(n)}\tTakes photographs.\t\t"
                f"en\t{made_id(n, 17, world.begins - DAY)}\t{private}\tf\t{{}}\tactive\t\tf\t{numbers}\t{when}\t{when}"
            )

    def photos(self) -> Iterator[str]:
        world = self.world
        for n in range(world.size.posts):
            author, when = world.author(n), self.when(world.begins + n * SPAN // world.size.posts)
            public = n % 20 != 7 and not world.is_private(author)
            for place in range(world.photos(n)):
                yield medium_row(world.photo(n, place), world.person(author), when, public=public)

    def posts(self) -> Iterator[str]:
        world = self.world
        for n in range(world.size.posts):
            when = self.when(world.begins + (n + 1) * SPAN // world.size.posts)
            likes = sum(1 for _ in world.likers(n))
            seen = "followers" if n % 20 == 7 else "public"
            yield (
                f"{world.post(n)}\t{world.person(world.author(n))}\t{world.caption(n)}\t{seen}\tpublished\tf\tt\t"
                f"{likes}\t{world.comments(n)}\t{when}\t{when}"
            )

    def newest_posts(self) -> Iterator[str]:
        return (f"{self.world.person(author)}\t{self.world.post(n)}" for author, n in self.newest.items())

    def items(self) -> Iterator[str]:
        world = self.world
        for n in range(world.size.posts):
            for place in range(world.photos(n)):
                yield f"{world.post(n)}\t{world.photo(n, place)}\t{place}"

    def tags(self) -> Iterator[str]:
        for n in range(TAGS):
            yield f"{self._tag(n)}\ttag{n:04d}"

    def _tag(self, n: int) -> str:
        return made_id(n, 18, self.world.begins - DAY)

    def post_tags(self) -> Iterator[str]:
        for n in range(self.world.size.posts):
            for place, tag in enumerate(self.world.tags(n)):
                yield f"{self.world.post(n)}\t{self._tag(tag)}\t{place}"

    def mentions(self) -> Iterator[str]:
        for n in range(self.world.size.posts):
            if (person := self.world.mentioned(n)) is not None:
                length = len(self.world.handle(person)) + 1
                yield f"{self.world.post(n)}\t{self.world.person(person)}\t0\t{length}"

    def likes(self) -> Iterator[str]:
        world = self.world
        for n in range(world.size.posts):
            post = world.post(n)
            for place, liker in enumerate(world.likers(n)):
                yield f"{self._like(n, place)}\t{post}\t{world.person(liker)}"

    def _like(self, n: int, place: int) -> str:
        return made_id(n * 32 + place, 19, self.world.begins + (n + 1) * SPAN // self.world.size.posts + place)

    def comments(self) -> Iterator[str]:
        world = self.world
        for n in range(world.size.posts):
            for place in range(world.comments(n)):
                person = world.person(world.commenter(n, place))
                yield f"{world.comment(n, place)}\t{world.post(n)}\t{person}\tWhat a light, and what a place!\t0\t0"

    def notifications(self) -> Iterator[str]:
        """Of each post of a reader's: that it is liked, and that it is commented on."""
        world = self.world
        for reader, n in self._told():
            moment = world.begins + (n + 1) * SPAN // world.size.posts
            owner, post = world.person(reader), world.post(n)
            yield f"{made_id(n, 20, moment)}\t{owner}\tlike\t{post}\t\\N\t\tt\t{made_id(n, 20, moment)}"
            for place in range(min(world.comments(n), 2)):
                pk = made_id(n * 2 + place, 21, moment + 1 + place)
                yield f"{pk}\t{owner}\tcomment\t{post}\t{world.comment(n, place)}\t\tt\t{pk}"

    def acts(self) -> Iterator[str]:
        world = self.world
        for reader, n in self._told():
            moment = world.begins + (n + 1) * SPAN // world.size.posts
            owner = world.person(reader)
            for place, liker in enumerate(world.likers(n)):
                told, cause = made_id(n, 20, moment), self._like(n, place)
                yield f"{made_id(n * 32 + place, 22, moment)}\t{told}\t{owner}\t{world.person(liker)}\t{cause}"
            for place in range(min(world.comments(n), 2)):
                told, cause = made_id(n * 2 + place, 21, moment + 1 + place), world.comment(n, place)
                actor = world.person(world.commenter(n, place))
                yield f"{made_id(n * 2 + place, 23, moment)}\t{told}\t{owner}\t{actor}\t{cause}"

    def _told(self) -> Iterator[tuple[int, int]]:
        return ((reader, n) for reader, posts in self.of_readers.items() for n in posts)

    def tables(self) -> list[tuple[str, str, Callable[[], Iterator[str]]]]:
        """(table, columns, rows); follows first, for they are counted in the rows of people."""
        return [
            ("social_follow", "id follower_id followed_id", self.follows),
            ("media_media", MEDIA, lambda: itertools.chain(self.avatars(), self.photos())),
            (
                "accounts_user",
                "id password is_superuser handle email display_name bio website locale avatar_id is_private "
                "is_verified settings state suspension_reason is_staff follower_count following_count post_count "
                "created_at email_verified_at",
                self.people,
            ),
            (
                "content_post",
                "id author_id caption visibility status sensitive comments_enabled like_count comment_count "
                "created_at published_at",
                self.posts,
            ),
            # Kept by a trigger, which is switched off meanwhile.
            ("feed_newestpost", "author_id post", self.newest_posts),
            ("content_postmedia", "post_id medium_id position", self.items),
            ("content_tag", "id name", self.tags),
            ("content_posttag", "post_id tag_id position", self.post_tags),
            ("content_mention", 'post_id user_id "offset" length', self.mentions),
            ("engagement_like", "id post_id user_id", self.likes),
            ("engagement_comment", "id post_id author_id text like_count reply_count", self.comments),
            (
                "notifications_notification",
                "id recipient_id type post_id comment_id statement in_app latest",
                self.notifications,
            ),
            ("notifications_act", "id notification_id recipient_id actor_id cause", self.acts),
        ]


# ── Into the database ────────────────────────────────────────────────────────────────────────────────────
def load(url: str, world: World, say: Callable[[str], None]) -> None:
    """Into an empty, migrated database. Secondary indexes are made when the rows are there; foreign keys are not
    looked up and no trigger fires: what they see to holds by construction."""
    rows = Rows(world)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET maintenance_work_mem = '512MB'")
        for table, columns, made in rows.tables():
            began = time.monotonic()
            indexes = _indexes(connection, table)
            for name, _ in indexes:
                connection.execute(f'DROP INDEX "{name}"'.encode())
            copy(connection, table, columns, made())
            copied = time.monotonic()
            for _, definition in indexes:
                connection.execute(definition.encode())
            say(f"{table}: {copied - began:.0f} s, its indexes {time.monotonic() - copied:.0f} s")
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("CHECKPOINT")


def copy(connection: "psycopg.Connection[Any]", table: str, columns: str, rows: Iterator[str]) -> None:
    """`columns` by blanks between them; `rows` as COPY reads text."""
    names = ", ".join(columns.split())
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN".encode()) as into:
        while batch := list(itertools.islice(rows, 2000)):
            into.write("\n".join(batch) + "\n")


def _indexes(connection: "psycopg.Connection[Any]", table: str) -> list[tuple[str, str]]:
    """(name, definition) of those that are no constraint's."""
    found = connection.execute(
        "SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid "
        "WHERE i.indrelid = %s::regclass "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)",
        [table],
    )
    return [(name, definition) for name, definition in found.fetchall()]
