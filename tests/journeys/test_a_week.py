"""A week of a small community, through HTTP, with a real worker, relay and scheduler.

After each step the test checks what each user sees in every list.
"""

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
# Changes pass through all processes.
eventually = functools.partial(waiting.eventually, seconds=90, every=0.2)
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("live"), pytest.mark.timeout(600)]


class Person:
    """A client of the API. Without a handle it is anonymous."""

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

    def post_photo(self, caption: str, colour: str, **fields: Any) -> str:
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

    def notifications(self) -> list[tuple[str, list[str]]]:
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
        """Give users the role of a moderator, like an operator."""
        script = (
            "from django.contrib.auth.models import Group; from apps.accounts.models import User\n"
            "moderators = Group.objects.get(name='moderator')\n"
            f"for user in User.objects.filter(handle__in={handles!r}): user.groups.add(moderators)"
        )
        subprocess.run([sys.executable, "manage.py", "shell", "-c", script], check=True, cwd=ROOT, env=self.environment)
        for handle in handles:  # the session cache may hold the old role for a minute
            self.people[handle].do("/auth/revoke", {"all": True}, 204)
            self.people[handle].sign_in()

    def __getattr__(self, name: str) -> Person:
        return self.people[name]

    def assert_post_visible(
        self,
        post: str,
        author: str,
        word: str,
        *,
        to: set[str],
        in_feeds_of: set[str],
        published: bool = True,
        lasts: bool = True,
    ) -> None:
        """Check that exactly the users `to` see the post in every list. Moderators may also read it by its id.

        `published=False`: it is only visible by its id and in the list of its author. `lasts=False`: it may be deleted
        at any time.
        """
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            sees = name in to
            by_id = viewer.status(f"/posts/{post}")
            moderates = name in {"judge", "second"}
            assert (by_id == 200) is (sees or moderates) or (moderates and not lasts), (name, by_id)
            assert (post in viewer.ids(f"/users/@{author}/posts")) is sees, name
            assert (post in viewer.ids(f"/tags/{word}/posts")) is (sees and published), name
            assert (post in viewer.ids(f"/search/posts?q={word}")) is (sees and published), name
            if name != "anonymous":
                assert (post in viewer.ids("/feed")) is (name in in_feeds_of), name

    def assert_profile_visible(self, handle: str, by: set[str], *, lasts: bool = True) -> None:
        """Check that exactly the users `by` can find the profile by search, and they and moderators can open it.

        `lasts`: the account is not being deleted; until it is, moderators can open it.
        """
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            moderates = name in {"judge", "second"}
            if lasts or not moderates:
                assert (viewer.status(f"/users/@{handle}") == 200) is (name in by or moderates), name
            answer = viewer.http.get(f"/search/users?q={handle}")
            found = [row["handle"] for row in answer.json()["results"]] if answer.status_code == 200 else []
            assert (handle in found) is (name in by), name

    def assert_comments(self, post: str, everybody: list[str], **others: list[str]) -> None:
        """Check the comments of the post, newest first, for everybody except `others`, who have lists of their own."""
        for name, viewer in [("anonymous", self.anonymous), *self.people.items()]:
            assert viewer.ids(f"/posts/{post}/comments") == others.get(name, everybody), name


def test_each_user_sees_what_they_may_see_during_a_week(live_stack):
    c = Community(live_stack.url, live_stack.environment)
    everybody = {"anonymous", *c.people}

    # Monday: users follow each other; one account is private.
    first = c.wanda.post_photo("Low tide at #wattmeer", "teal")
    c.bruno.do("/users/@wanda/follow")
    c.derek.do("/users/@wanda/follow")
    c.assert_post_visible(first, "wanda", "wattmeer", to=everybody, in_feeds_of={"wanda", "bruno", "derek"})
    eventually(lambda: c.wanda.notifications() == [("follow", ["derek", "bruno"])])
    c.carla.ask("PATCH", "/users/me", 200, {"is_private": True})
    assert c.bruno.do("/users/@carla/follow")["requested"] is True
    hers = c.carla.post_photo("Only for friends #innercircle with @bruno and @derek", "navy")
    c.assert_post_visible(hers, "carla", "innercircle", to={"carla"}, in_feeds_of={"carla"})
    eventually(lambda: c.carla.notifications() == [("follow_request", ["bruno"])])
    c.carla.do("/follow-requests/@bruno/accept")
    c.assert_post_visible(hers, "carla", "innercircle", to={"carla", "bruno"}, in_feeds_of={"carla", "bruno"})
    eventually(lambda: ("follow_accepted", ["carla"]) in c.bruno.notifications())
    assert c.derek.notifications() == []

    # Tuesday: likes and comments.
    c.bruno.do(f"/posts/{first}/like")
    c.carla.do(f"/posts/{first}/like")
    thread = c.bruno.do(f"/posts/{first}/comments", {"text": "What light, @carla!"}, 201)
    c.wanda.do(f"/posts/{first}/comments", {"text": "Thank you", "parent_id": thread["id"]}, 201)
    eventually(lambda: ("reply", ["wanda"]) in c.bruno.notifications())
    eventually(lambda: c.carla.notifications()[:1] == [("mention", ["bruno"])])
    eventually(lambda: c.wanda.notifications()[:2] == [("comment", ["bruno"]), ("like", ["carla", "bruno"])])
    assert c.wanda.get(f"/posts/{first}")["counts"] == {"likes": 2, "comments": 2}
    for name in ("wanda", "bruno", "carla", "derek"):
        assert len(c.people[name].ids(f"/posts/{first}/comments?parent_id={thread['id']}")) == 1

    c.assert_comments(first, [thread["id"]])

    # Wednesday: harassment, which ends in blocks and reports.
    nasty = c.molly.do(f"/posts/{first}/comments", {"text": "Rubbish, @wanda"}, 201)["id"]
    worse = c.derek.do(f"/posts/{first}/comments", {"text": "Delete your account"}, 201)["id"]
    c.assert_comments(first, [worse, nasty, thread["id"]])
    c.wanda.do("/users/@molly/block")
    c.assert_comments(first, [worse, nasty, thread["id"]], wanda=[worse, thread["id"]], molly=[])
    c.assert_profile_visible("wanda", by=everybody - {"molly"})
    c.assert_profile_visible("molly", by=everybody - {"wanda"})
    c.assert_post_visible(first, "wanda", "wattmeer", to=everybody - {"molly"}, in_feeds_of={"wanda", "bruno", "derek"})
    eventually(lambda: not [row for row in c.wanda.notifications() if "molly" in row[1]])
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
    c.assert_comments(first, [nasty, thread["id"]], wanda=[thread["id"]], molly=[])
    assert c.wanda.get(f"/posts/{first}")["counts"]["comments"] == 2
    eventually(lambda: c.derek.notifications()[:1] == [("moderation", [])])
    c.judge.do("/moderation/users/@molly/suspend", {"reason": "Again", "category": "harassment"})
    assert c.molly.status("/auth/me") == 401
    c.assert_profile_visible("molly", by=set())
    c.assert_comments(first, [thread["id"]], molly=[])
    c.assert_post_visible(first, "wanda", "wattmeer", to=everybody - {"molly"}, in_feeds_of={"wanda", "bruno", "derek"})

    # Thursday: a wrong takedown and an appeal.
    dune = c.bruno.post_photo("Dunes #sandbank", "khaki")
    c.assert_post_visible(dune, "bruno", "sandbank", to=everybody - {"molly"}, in_feeds_of={"bruno"})
    photo = c.anonymous.get(f"/posts/{dune}")["media"][0]["variants"][0]["url"]
    assert httpx.get(photo).status_code == 200
    action = c.judge.do(f"/moderation/posts/{dune}/takedown", {"reason": "Nudity", "category": "nudity"})
    c.assert_post_visible(dune, "bruno", "sandbank", to={"bruno"}, in_feeds_of=set(), published=False)
    assert c.bruno.get(f"/posts/{dune}")["status"] == "taken_down"
    eventually(lambda: httpx.get(photo).status_code in {403, 404}, seconds=120)
    eventually(lambda: [type_ for type_, _ in c.bruno.notifications()[:1]] == ["moderation"])
    assert action["id"] in c.bruno.get("/notifications")["results"][0]["preview"]
    c.carla.do(f"/moderation/actions/{action['id']}/appeal", {"text": "Not mine"}, 404)
    c.bruno.do(f"/moderation/actions/{action['id']}/appeal", {"text": "That is sand."}, 201)
    c.bruno.do(f"/moderation/actions/{action['id']}/appeal", {"text": "That is sand."}, 409)
    [appeal] = c.second.get("/moderation/appeals?status=open")["results"]
    decision = {"decision": "overturn", "note": "It is sand."}
    c.judge.do(f"/moderation/appeals/{appeal['id']}/decide", decision, 403)
    c.second.do(f"/moderation/appeals/{appeal['id']}/decide", decision)
    c.assert_post_visible(dune, "bruno", "sandbank", to=everybody - {"molly"}, in_feeds_of={"bruno"})
    eventually(
        lambda: httpx.get(c.anonymous.get(f"/posts/{dune}")["media"][0]["variants"][0]["url"]).status_code == 200
    )
    audit = [row["action"] for row in c.judge.get("/moderation/audit")["results"]]
    assert audit[0] == "overturn_appeal"
    assert {"takedown", "suspend", "resolve_flag"} <= set(audit)

    # Friday: a data export.
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

    # Saturday: an account deletion. (This stack has no grace period.)
    reply = c.derek.do(f"/posts/{dune}/comments", {"text": "Bye"}, 201)["id"]
    answer = c.wanda.do(f"/posts/{dune}/comments", {"text": "Farewell", "parent_id": reply}, 201)["id"]
    goodbye = c.derek.post_photo("My last #goodbye", "black")
    assert c.bruno.get("/users/@wanda")["counts"]["followers"] == 2
    c.derek.ask("DELETE", "/users/me", 202, {"password": PASSWORD})
    assert c.derek.status("/auth/me") == 401
    left = everybody - {"derek", "molly"}
    c.assert_post_visible(goodbye, "derek", "goodbye", to=set(), in_feeds_of=set(), lasts=False)
    c.assert_profile_visible("derek", by=set(), lasts=False)
    taken = {"handle": "derek", "email": "somebody@example.org", "password": PASSWORD}
    c.anonymous.do("/users", taken, 409)
    eventually(lambda: c.judge.status(f"/posts/{goodbye}") == 404)
    eventually(lambda: c.bruno.get("/users/@wanda")["counts"]["followers"] == 1)
    stone = next(row for row in c.bruno.get(f"/posts/{dune}/comments")["results"] if row["id"] == reply)
    assert (stone["removed"], stone["author"], stone["text"]) == (True, None, "")
    assert c.bruno.ids(f"/posts/{dune}/comments?parent_id={reply}") == [answer]
    eventually(lambda: "derek" not in str(c.wanda.notifications()))
    eventually(lambda: sign_in_fails(c.derek))
    c.anonymous.do("/users", taken, 409)

    # Sunday: lists and counters agree.
    c.assert_post_visible(first, "wanda", "wattmeer", to=left, in_feeds_of={"wanda", "bruno"})
    c.assert_post_visible(dune, "bruno", "sandbank", to=left, in_feeds_of={"bruno"})
    c.assert_post_visible(hers, "carla", "innercircle", to={"carla", "bruno"}, in_feeds_of={"carla", "bruno"})
    c.assert_comments(first, [thread["id"]], molly=[], derek=[])
    shown = c.bruno.get(f"/posts/{dune}")
    listed = c.bruno.get(f"/posts/{dune}/comments")["results"]
    assert shown["counts"]["comments"] == sum(not row["removed"] for row in listed) + 1
    assert c.bruno.get("/auth/me")["unread_notifications"] == len(c.bruno.ids("/notifications?unread=true"))
    assert c.bruno.do("/notifications/read") == {"unread": 0}


def sign_in_fails(person: Person) -> bool:
    body = {"login": person.handle, "password": PASSWORD}
    return person.http.post("/auth/token", json=body, headers={"Authorization": ""}).status_code == 401
