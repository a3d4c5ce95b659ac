"""A week of a small community, through HTTP only, with a real worker, relay and scheduler; after each act, what each of
the cast sees at every door."""

import functools
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests import waiting

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery staple"
# Everything goes through all of the processes.
eventually = functools.partial(waiting.eventually, seconds=90, every=0.2)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live"), pytest.mark.timeout(600)]


class Person:
    """Somebody with a browser; without a handle, somebody who has not signed in."""

    def __init__(self, url: str, handle: str = "") -> None:
        self.handle = handle
        self.http = httpx.Client(base_url=f"{url}/v1", timeout=20)

    def sign_up(self) -> "Person":
        body = {"handle": self.handle, "email": f"{self.handle}@example.org", "password": PASSWORD}
        assert self.http.post("/users", json=body).status_code == 201
        return self.sign_in()

    def sign_in(self) -> "Person":
        self.http.headers.pop("Authorization", None)
        answer = self.http.post("/auth/token", json={"login": self.handle, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.http.headers["Authorization"] = f"Bearer {answer.json()['access']}"
        return self

    def get(self, path: str) -> Any:
        return self.ask("GET", path, 200)

    def do(self, path: str, body: Any = None, expected: int = 200) -> Any:
        return self.ask("POST", path, expected, body)

    def ask(self, method: str, path: str, expected: int, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.status_code == expected, (self.handle, method, path, answer.text)
        return answer.json() if answer.content else None

    def status(self, path: str) -> int:
        return self.http.get(path).status_code

    def ids(self, path: str) -> list[str]:
        answer = self.http.get(path)
        return [row["id"] for row in answer.json()["results"]] if answer.status_code == 200 else []

    def posts(self, caption: str, colour: str, **fields: Any) -> str:
        file = io.BytesIO()
        Image.new("RGB", (640, 480), colour).save(file, "JPEG")
        photo = file.getvalue()
        upload = self.do("/media/upload", {"content_type": "image/jpeg", "bytes": len(photo)}, 201)
        put = httpx.put(upload["upload"]["url"], content=photo, headers=upload["upload"]["headers"])
        assert put.status_code == 200
        self.do(f"/media/upload/{upload['id']}/complete", expected=202)
        post = self.do("/posts", {"media_ids": [upload["media_id"]], "caption": caption, **fields}, 201)["id"]
        eventually(lambda: self.get(f"/posts/{post}")["status"] == "published")
        return str(post)

    def told(self) -> list[tuple[str, list[str]]]:
        rows = self.get("/notifications")["results"]
        return [(row["type"], [actor["handle"] for actor in row["actors"]]) for row in rows]


class Community:
    def __init__(self, url: str, environment: dict[str, str]) -> None:
        self.environment = environment
        self.anonymous = Person(url)
        names = ["wanda", "bruno", "carla", "derek", "molly", "judge", "second"]
        self.people = {name: Person(url, name).sign_up() for name in names}
        self._appoint("judge", "second")

    def _appoint(self, *handles: str) -> None:
        """As an operator would."""
        script = (
            "from django.contrib.auth.models import Group; from apps.accounts.models import User\n"
            "moderators = Group.objects.get(name='moderator')\n"
            f"for user in User.objects.filter(handle__in={handles!r}): user.groups.add(moderators)"
        )
        subprocess.run([sys.executable, "manage.py", "shell", "-c", script], check=True, cwd=ROOT, env=self.environment)
        for handle in handles:  # a record of the session may be cached for a minute
            self.people[handle].do("/auth/revoke", {"all": True}, 204)
            self.people[handle].sign_in()

    def __getattr__(self, name: str) -> Person:
        return self.people[name]

    def shows(
        self,
        post: str,
        author: str,
        word: str,
        *,
        to: set[str],
        in_feeds_of: set[str],
        stands: bool = True,
        lasts: bool = True,
    ) -> None:
        """At every door, to these and to nobody else (moderators may look at it by its id); what does not stand, only
        by its id and in its author's own list. What does not last may be gone for moderators at any moment."""
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            sees = name in to
            by_id = viewer.status(f"/posts/{post}")
            moderates = name in {"judge", "second"}
            assert (by_id == 200) is (sees or moderates) or (moderates and not lasts), (name, by_id)
            assert (post in viewer.ids(f"/users/@{author}/posts")) is sees, name
            assert (post in viewer.ids(f"/tags/{word}/posts")) is (sees and stands), name
            assert (post in viewer.ids(f"/search/posts?q={word}")) is (sees and stands), name
            if name != "anonymous":
                assert (post in viewer.ids("/feed")) is (name in in_feeds_of), name

    def meets(self, handle: str, by: set[str]) -> None:
        """That person's profile, and they among what a search finds, is there for these and for nobody else."""
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            assert (viewer.status(f"/users/@{handle}") == 200) is (name in by), name
            answer = viewer.http.get(f"/search/users?q={handle}")
            found = [row["handle"] for row in answer.json()["results"]] if answer.status_code == 200 else []
            assert (handle in found) is (name in by), name

    def reads(self, post: str, everybody: list[str], **others: list[str]) -> None:
        """The comments of the post, newest first, are these for all but the `others`."""
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            assert viewer.ids(f"/posts/{post}/comments") == others.get(name, everybody), name


def test_a_week_of_a_small_community(live_stack):
    c = Community(live_stack.url, live_stack.environment)
    everybody = {"anonymous", *c.people}

    # Monday: people find one another; one of them keeps to herself.
    first = c.wanda.posts("Low tide at #wattmeer", "teal")
    c.bruno.do("/users/@wanda/follow")
    c.derek.do("/users/@wanda/follow")
    c.shows(first, "wanda", "wattmeer", to=everybody, in_feeds_of={"wanda", "bruno", "derek"})
    eventually(lambda: c.wanda.told() == [("follow", ["derek", "bruno"])])
    c.carla.ask("PATCH", "/users/me", 200, {"is_private": True})
    assert c.bruno.do("/users/@carla/follow")["requested"] is True
    hers = c.carla.posts("Only for friends #innercircle with @bruno and @derek", "navy")
    c.shows(hers, "carla", "innercircle", to={"carla"}, in_feeds_of={"carla"})
    eventually(lambda: c.carla.told() == [("follow_request", ["bruno"])])
    c.carla.do("/follow-requests/@bruno/accept")
    c.shows(hers, "carla", "innercircle", to={"carla", "bruno"}, in_feeds_of={"carla", "bruno"})
    eventually(lambda: ("follow_accepted", ["carla"]) in c.bruno.told())
    assert c.derek.told() == []

    # Tuesday: they talk.
    c.bruno.do(f"/posts/{first}/like")
    c.carla.do(f"/posts/{first}/like")
    thread = c.bruno.do(f"/posts/{first}/comments", {"text": "What light, @carla!"}, 201)
    c.wanda.do(f"/posts/{first}/comments", {"text": "Thank you", "parent_id": thread["id"]}, 201)
    eventually(lambda: ("reply", ["wanda"]) in c.bruno.told())
    eventually(lambda: c.carla.told()[:1] == [("mention", ["bruno"])])
    eventually(lambda: c.wanda.told()[:2] == [("comment", ["bruno"]), ("like", ["carla", "bruno"])])
    assert c.wanda.get(f"/posts/{first}")["counts"] == {"likes": 2, "comments": 2}
    for name in ("wanda", "bruno", "carla", "derek"):
        assert len(c.people[name].ids(f"/posts/{first}/comments?parent_id={thread['id']}")) == 1

    c.reads(first, [thread["id"]])

    # Wednesday: a pile-on, which ends in blocks and flags.
    nasty = c.molly.do(f"/posts/{first}/comments", {"text": "Rubbish, @wanda"}, 201)["id"]
    worse = c.derek.do(f"/posts/{first}/comments", {"text": "Delete your account"}, 201)["id"]
    c.reads(first, [worse, nasty, thread["id"]])
    c.wanda.do("/users/@molly/block")
    c.reads(first, [worse, nasty, thread["id"]], wanda=[worse, thread["id"]], molly=[])
    c.meets("wanda", by=everybody - {"molly"})
    c.meets("molly", by=everybody - {"wanda"})
    c.shows(first, "wanda", "wattmeer", to=everybody - {"molly"}, in_feeds_of={"wanda", "bruno", "derek"})
    eventually(lambda: not [row for row in c.wanda.told() if "molly" in row[1]])
    assert c.wanda.get(f"/posts/{first}")["counts"]["comments"] == 3
    for name in ("wanda", "bruno"):
        c.people[name].do(f"/moderation/comments/{worse}/flag", {"category": "harassment"}, 201)
        c.people[name].do(f"/moderation/comments/{worse}/flag", {"category": "harassment"}, 200)
    c.bruno.ask("GET", "/moderation/flags", 403)
    flags = c.judge.get("/moderation/flags?status=open&category=harassment")["results"]
    assert [flag["target_id"] for flag in flags] == [worse, worse]
    takedown = {"reason": "A threat", "category": "harassment"}
    c.judge.do(f"/moderation/comments/{worse}/takedown", takedown)
    for flag in flags:
        c.judge.do(f"/moderation/flags/{flag['id']}/resolve", {"resolution": "resolved"})
    c.reads(first, [nasty, thread["id"]], wanda=[thread["id"]], molly=[])
    assert c.wanda.get(f"/posts/{first}")["counts"]["comments"] == 2
    eventually(lambda: c.derek.told()[:1] == [("moderation", [])])
    c.judge.do("/moderation/users/@molly/suspend", {"reason": "Again", "category": "harassment"})
    assert c.molly.status("/auth/me") == 401
    c.meets("molly", by=set())
    c.reads(first, [thread["id"]], molly=[])
    c.shows(first, "wanda", "wattmeer", to=everybody - {"molly"}, in_feeds_of={"wanda", "bruno", "derek"})

    # Thursday: a mistake of the moderators, and its undoing.
    dune = c.bruno.posts("Dunes #sandbank", "khaki")
    c.shows(dune, "bruno", "sandbank", to=everybody - {"molly"}, in_feeds_of={"bruno"})
    photo = c.anonymous.get(f"/posts/{dune}")["media"][0]["variants"][0]["url"]
    assert httpx.get(photo).status_code == 200
    action = c.judge.do(f"/moderation/posts/{dune}/takedown", {"reason": "Nudity", "category": "nudity"})
    c.shows(dune, "bruno", "sandbank", to={"bruno"}, in_feeds_of=set(), stands=False)
    assert c.bruno.get(f"/posts/{dune}")["status"] == "taken_down"
    eventually(lambda: httpx.get(photo).status_code in {403, 404}, seconds=120)
    eventually(lambda: [type_ for type_, _ in c.bruno.told()[:1]] == ["moderation"])
    assert action["id"] in c.bruno.get("/notifications")["results"][0]["preview"]
    c.carla.do(f"/moderation/actions/{action['id']}/appeal", {"text": "Not mine"}, 404)
    c.bruno.do(f"/moderation/actions/{action['id']}/appeal", {"text": "That is sand."}, 201)
    c.bruno.do(f"/moderation/actions/{action['id']}/appeal", {"text": "That is sand."}, 409)
    [appeal] = c.second.get("/moderation/appeals?status=open")["results"]
    decision = {"decision": "overturn", "note": "It is sand."}
    c.judge.do(f"/moderation/appeals/{appeal['id']}/decide", decision, 403)
    c.second.do(f"/moderation/appeals/{appeal['id']}/decide", decision)
    c.shows(dune, "bruno", "sandbank", to=everybody - {"molly"}, in_feeds_of={"bruno"})
    eventually(
        lambda: httpx.get(c.anonymous.get(f"/posts/{dune}")["media"][0]["variants"][0]["url"]).status_code == 200
    )
    audit = [row["action"] for row in c.judge.get("/moderation/audit")["results"]]
    assert audit[0] == "overturn_appeal"
    assert {"takedown", "suspend", "resolve_flag"} <= set(audit)

    # Friday: somebody takes their data along.
    c.wanda.do("/users/me/export", {"password": "wrong"}, 403)
    c.wanda.do("/users/me/export", {"password": PASSWORD}, 202)
    c.wanda.do("/users/me/export", {"password": PASSWORD}, 409)
    eventually(lambda: c.wanda.get("/users/me/export")["status"] == "ready")
    archive = zipfile.ZipFile(io.BytesIO(httpx.get(c.wanda.get("/users/me/export")["url"]).content))
    exported = json.loads(archive.read("data/posts.json"))
    assert [row["id"] for row in exported] == [first]
    assert [name for name in archive.namelist() if name.startswith("media/")]
    everything = b"".join(archive.read(name) for name in archive.namelist() if name.endswith((".json", ".html")))
    assert b"Thank you" in everything
    assert b"What light" not in everything
    assert b"bruno@example.org" not in everything

    # Saturday: somebody leaves for good. (The grace of this stack is nought.)
    reply = c.derek.do(f"/posts/{dune}/comments", {"text": "Bye"}, 201)["id"]
    answer = c.wanda.do(f"/posts/{dune}/comments", {"text": "Farewell", "parent_id": reply}, 201)["id"]
    goodbye = c.derek.posts("My last #goodbye", "black")
    assert c.bruno.get("/users/@wanda")["counts"]["followers"] == 2
    c.derek.ask("DELETE", "/users/me", 202, {"password": PASSWORD})
    assert c.derek.status("/auth/me") == 401
    left = everybody - {"derek", "molly"}
    c.shows(goodbye, "derek", "goodbye", to=set(), in_feeds_of=set(), lasts=False)
    c.meets("derek", by=set())
    taken = {"handle": "derek", "email": "somebody@example.org", "password": PASSWORD}
    c.anonymous.do("/users", taken, 409)
    eventually(lambda: c.judge.status(f"/posts/{goodbye}") == 404)
    eventually(lambda: c.bruno.get("/users/@wanda")["counts"]["followers"] == 1)
    stone = next(row for row in c.bruno.get(f"/posts/{dune}/comments")["results"] if row["id"] == reply)
    assert (stone["removed"], stone["author"], stone["text"]) == (True, None, "")
    assert c.bruno.ids(f"/posts/{dune}/comments?parent_id={reply}") == [answer]
    eventually(lambda: "derek" not in str(c.wanda.told()))
    eventually(lambda: sign_in_fails(c.derek))
    c.anonymous.do("/users", taken, 409)

    # Sunday: all of it adds up.
    c.shows(first, "wanda", "wattmeer", to=left, in_feeds_of={"wanda", "bruno"})
    c.shows(dune, "bruno", "sandbank", to=left, in_feeds_of={"bruno"})
    c.shows(hers, "carla", "innercircle", to={"carla", "bruno"}, in_feeds_of={"carla", "bruno"})
    c.reads(first, [thread["id"]], molly=[], derek=[])
    shown = c.bruno.get(f"/posts/{dune}")
    listed = c.bruno.get(f"/posts/{dune}/comments")["results"]
    assert shown["counts"]["comments"] == sum(not row["removed"] for row in listed) + 1
    assert c.bruno.get("/auth/me")["unread_notifications"] == len(c.bruno.ids("/notifications?unread=true"))
    assert c.bruno.do("/notifications/read") == {"unread": 0}


def sign_in_fails(person: Person) -> bool:
    body = {"login": person.handle, "password": PASSWORD}
    return person.http.post("/auth/token", json=body, headers={"Authorization": ""}).status_code == 401
