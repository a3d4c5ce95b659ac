"""What contains a blocked word or domain is refused by name of the field, or taken and reported by the system."""

import pytest
from django.urls import reverse

from apps.content.models import Post
from apps.core import cache, timed_cache
from apps.core.errors import DomainError
from apps.engagement.models import Comment
from apps.media.models import Media
from apps.moderation import safety
from apps.moderation.models import Flag, StaffAct
from apps.safety import terms
from apps.safety.models import BlockedTerm
from tests.api.test_budgets import statements
from tests.factories import MediaFactory, PostFactory
from tests.moderation.people import make_moderator
from tests.safety.console import act, browser

pytestmark = pytest.mark.django_db
BAD, WORSE = "cheap watches", "https://www.spam.example/x"
SIGN_UP = {"handle": "newbie", "email": "newbie@example.org", "password": "a long one, not common"}


def block(senior, text, effect, kind="word"):
    return safety.block_term(kind=kind, text=text, effect=effect, by=senior, reason="Spam.")


def written(api, alice, field, text):
    """Each field that is looked through, written by its call."""
    client = api(alice)
    post = PostFactory(author=alice, caption="Low tide")
    match field:
        case "caption":
            return client.post("/posts", {"media_ids": [str(MediaFactory(owner=alice).pk)], "caption": text})
        case "edited caption":
            return client.patch(f"/posts/{post.pk}", {"caption": text})
        case "text":
            return client.post(f"/posts/{post.pk}/comments", {"text": text})
        case "edited description":
            medium = post.items.get().medium_id
            return client.patch(f"/posts/{post.pk}", {"alt_texts": {str(medium): text}})
        case "described with the post":
            medium = MediaFactory(owner=alice).pk
            return client.post("/posts", {"media_ids": [str(medium)], "alt_texts": {str(medium): text}})
        case "described before":
            Media.objects.filter(pk=(medium := MediaFactory(owner=alice)).pk).update(alt_text=text)
            return client.post("/posts", {"media_ids": [str(medium.pk)], "caption": "Low tide"})
        case "signed up":
            return api(None).post("/users", SIGN_UP | {"display_name": text[:50]})
    return client.patch("/users/me", {field: text})


FIELDS = [
    ("caption", "caption", "post"),
    ("edited caption", "caption", "post"),
    ("text", "text", "comment"),
    ("bio", "bio", "user"),
    ("display_name", "display_name", "user"),
    ("signed up", "display_name", "user"),
    ("edited description", "alt_texts.", "post"),
    ("described with the post", "alt_texts.", "post"),
    ("described before", "media_ids.0", "post"),
]


@pytest.mark.parametrize(("where", "field", "target_type"), FIELDS)
def test_refusal_names_the_field(api, alice, senior, where, field, target_type):
    block(senior, BAD, "refuse")
    before = Post.objects.count(), Comment.objects.count()
    answer = written(api, alice, where, "Buy CHEAP w\u200batches now")
    assert (answer.status_code, answer.json()["code"]) == (422, "blocked_text")
    [fault] = answer.json()["errors"]
    assert fault["field"].startswith(field)
    assert BAD not in answer.content.decode()
    assert Comment.objects.count() == before[1]
    assert not Post.objects.filter(caption__contains="CHEAP").exists()


@pytest.mark.parametrize(("where", "field", "target_type"), FIELDS)
def test_flagged_text_is_saved_and_reported(api, alice, senior, deliver, where, field, target_type):
    block(senior, BAD, "flag")
    assert written(api, alice, where, "Cheap watches").status_code in {200, 201}
    deliver()
    flag = Flag.objects.get()
    assert (flag.reporter, flag.target_type, flag.category, flag.status) == (None, target_type, "spam", "open")
    assert BAD in flag.note


def test_website_with_a_blocked_domain_is_refused(api, alice, senior):
    block(senior, "spam.example", "refuse", kind="domain")
    answer = written(api, alice, "website", WORSE)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "website")
    assert written(api, alice, "website", "https://ham.example/").status_code == 200


def test_refusal_names_all_fields(api, alice, senior):
    block(senior, BAD, "refuse")
    answer = api(alice).patch("/users/me", {"bio": BAD, "display_name": BAD, "website": "https://ham.example/"})
    assert {fault["field"] for fault in answer.json()["errors"]} == {"bio", "display_name"}


def test_unchanged_text_is_not_checked_again(api, alice, senior):
    """Whose bio contains what was blocked since can still change everything else."""
    api(alice).patch("/users/me", {"bio": BAD})
    block(senior, BAD, "refuse")
    assert api(alice).patch("/users/me", {"bio": BAD, "display_name": "Alice"}).status_code == 200


def test_refused_term_takes_precedence_over_flagged_term(api, alice, senior, deliver):
    block(senior, BAD, "refuse")
    block(senior, "spam.example", "flag", kind="domain")
    assert written(api, alice, "bio", f"{BAD} {WORSE}").status_code == 422
    deliver()
    assert not Flag.objects.exists()


def test_same_text_is_reported_once(api, alice, senior, deliver):
    block(senior, BAD, "flag")
    for bio in (BAD, f"{BAD}!"):
        api(alice).patch("/users/me", {"bio": bio})
        deliver()
    assert Flag.objects.count() == 1


def test_deleted_object_is_not_reported(alice, senior):
    term = block(senior, BAD, "flag")
    safety.flag_blocked_text("post", term.pk, term.pk)
    safety.flag_blocked_text("user", alice.pk, alice.pk)
    tombstone = Comment.objects.create(
        post=PostFactory(author=alice), author=None, text="", removed_at="2026-01-01T00:00Z"
    )
    safety.flag_blocked_text("comment", tombstone.pk, term.pk)
    assert not Flag.objects.exists()


class TestMemory:
    def test_cached_terms_are_not_queried(self, api, alice, senior):
        block(senior, BAD, "refuse")
        terms.screen(text="")
        with statements() as asked:
            terms.screen(text="Low tide")
        assert asked == []

    def test_change_applies_in_other_processes_after_some_seconds(self, alice, senior, monkeypatch):
        terms.screen(text="")
        BlockedTerm.objects.create(kind="word", text=BAD, comparable=BAD, effect="refuse", reason="x")
        assert terms.screen(text=BAD) == []
        monkeypatch.setattr(timed_cache, "SECONDS", 0)
        with pytest.raises(terms.BlockedText):
            terms.screen(text=BAD)

    def test_terms_are_checked_without_redis(self, api, alice, senior, monkeypatch):
        block(senior, BAD, "refuse")

        def absent(command):
            raise cache.RedisUnavailable

        monkeypatch.setattr(cache, "call", absent)
        assert written(api, alice, "bio", BAD).status_code == 422


class TestVerbs:
    def test_changes_are_recorded_with_their_reasons(self, senior):
        term = block(senior, "Cheap  Watches", "flag")
        assert safety.change_term(term, effect="refuse", by=senior, reason="More of it.")
        assert not safety.change_term(term, effect="refuse", by=senior, reason="Again.")
        assert safety.lift_term(term, by=senior, reason="Over.")
        assert not safety.lift_term(term, by=senior, reason="Again.")
        acts = StaffAct.objects.order_by("id").values_list("act", "actor", "reason", "subject_id")
        assert [act for act, *_ in acts] == ["block_term", "change_term", "lift_term"]
        assert {(actor, subject) for _, actor, _, subject in acts} == {(senior.pk, str(term.pk))}
        assert StaffAct.objects.get(act="change_term").detail["effect"] == ["flag", "refuse"]

    @pytest.mark.parametrize(
        ("role", "kind", "text", "reason", "code"),
        [
            ("moderator", "word", "x", "y", "senior_moderator_required"),
            ("admin", "word", "x", " ", "validation_error"),
            ("admin", "word", "\u200b", "y", "validation_error"),
            ("admin", "word", "x" * 101, "y", "validation_error"),
            ("admin", "domain", "no domain", "y", "validation_error"),
            ("admin", "word", "CHEAP\u00a0watches", "y", "already_blocked"),
        ],
    )
    def test_invalid_change_is_refused(self, senior, role, kind, text, reason, code):
        block(senior, BAD, "flag")
        with pytest.raises(DomainError) as refused:
            safety.block_term(kind=kind, text=text, effect="flag", by=make_moderator("staff", role), reason=reason)
        assert refused.value.code == code
        assert BlockedTerm.objects.count() == StaffAct.objects.count() == 1


class TestConsole:
    LIST, NEW = "admin:safety_blockedterm_changelist", "admin:safety_blockedterm_new"
    SAID = {"kind": "word", "text": "<b>watches", "effect": "flag", "reason": "Spam."}

    def test_term_is_blocked_changed_and_lifted(self, senior):
        client = browser(senior)
        assert client.get(reverse(self.NEW)).status_code == 200
        assert client.post(reverse(self.NEW), self.SAID).status_code == 302
        term = BlockedTerm.objects.get()
        page = client.get(reverse(self.LIST)).content.decode()
        assert "&lt;b&gt;watches" in page
        assert "<b>watches" not in page
        act(client, "blockedterm", "refuse", term)
        assert BlockedTerm.objects.get().effect == "flag"
        act(client, "blockedterm", "refuse", term, "More of it.")
        assert BlockedTerm.objects.get().effect == "refuse"
        act(client, "blockedterm", "lift", term, "Over.")
        assert not BlockedTerm.objects.exists()

    def test_error_of_the_service_is_shown_on_the_page(self, senior):
        client = browser(senior)
        for again in (False, True):
            answer = client.post(reverse(self.NEW), self.SAID)
            assert answer.status_code == (400 if again else 302)
        assert "blocked already" in answer.content.decode()

    @pytest.mark.parametrize("role", ["moderator", None])
    def test_other_users_cannot_change_terms(self, alice, senior, role):
        term = block(senior, BAD, "flag")
        client = browser(make_moderator("staff", role) if role else alice)
        assert client.get(reverse(self.LIST)).status_code == (200 if role else 302)
        client.post(reverse(self.NEW), self.SAID)
        for action in ("refuse", "lift"):
            act(client, "blockedterm", action, term, "x")
        assert list(BlockedTerm.objects.values_list("pk", "effect")) == [(term.pk, "flag")]
        assert StaffAct.objects.count() == 1

    def test_number_of_queries_does_not_depend_on_rows(self, senior, django_assert_max_num_queries):
        for number in range(60):
            block(senior, f"word {number}", "flag")
        client = browser(senior)
        with django_assert_max_num_queries(12):
            assert client.get(reverse(self.LIST)).status_code == 200


@pytest.mark.parametrize(
    ("kind", "term", "handle", "refused"),
    [
        ("word", "cheap watches", "cheap_watches", True),
        ("word", "watches", "my.watches", True),
        ("word", "watch", "watches", False),
        ("domain", "spam.example", "spam.example", True),
        ("domain", "spam.example", "spam_example", False),
    ],
)
def test_handle_is_checked_too(api, senior, kind, term, handle, refused):
    block(senior, term, "refuse", kind)
    answer = api(None).post("/users", SIGN_UP | {"handle": handle})
    assert answer.status_code == (422 if refused else 201)
    if refused:
        assert [fault["field"] for fault in answer.json()["errors"]] == ["handle"]


def test_upload_with_refused_alt_text_is_refused(api, alice, senior):
    block(senior, BAD, "refuse")
    block(senior, "shirts", "flag")
    announced = {"content_type": "image/jpeg", "bytes": 1000}
    refused = api(alice).post("/media/upload", announced | {"alt_text": f"{BAD} on a table"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "alt_text")
    assert api(alice).post("/media/upload", announced | {"alt_text": "shirts on a line"}).status_code == 201
