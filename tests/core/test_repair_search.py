"""`manage.py repair_search` and its job: the words under which rows are found."""

import pytest

from apps.content.models import Post, Tag
from apps.core.tasks import jobs
from apps.core.words import MAX_LENGTH
from apps.engagement.models import Comment
from tests.commands import interrupt, run
from tests.factories import CommentFactory, PostFactory

pytestmark = pytest.mark.django_db
ONE_EACH = {"content.post.words": 1, "content.tag.searchable_name": 1, "engagement.comment.words": 1}


@pytest.fixture
def wrong(alice):
    """One wrong value of each kind, and rows that are right."""
    post = PostFactory(author=alice, photos=0, caption="black/white")
    CommentFactory(post=post, author=alice, text="night view")
    Tag.objects.create(name="café")
    Post.objects.update(words=["black/white"])
    Comment.objects.update(words=None)
    Tag.objects.update(searchable_name=None)
    PostFactory(author=alice, photos=0, caption="day")
    CommentFactory(post=post, author=alice, text="day")


def test_missing_and_wrong_words_are_written(wrong):
    assert run("repair_search", "--dry-run", "--json").json["wrong"] == ONE_EACH
    outcome = run("repair_search")
    assert outcome.code == 0
    assert f"  {'engagement.comment.words':<28} 1 wrong" in outcome.out
    assert Post.objects.get(caption="black/white").words == ["black", "white"]
    assert Comment.objects.get(text="night view").words == ["night", "view"]
    assert Tag.objects.get().searchable_name == "cafe"
    assert jobs.repair_search() == 0


@pytest.mark.parametrize("field", ONE_EACH)
def test_single_column_can_be_repaired(wrong, field):
    assert run("repair_search", "--field", field, "--json").json["wrong"] == {field: 1}
    assert run("repair_search", "--dry-run", "--json").json["wrong"] == ONE_EACH | {field: 0}


def test_interrupted_repair_can_be_continued(wrong, monkeypatch, settings):
    settings.MAINTENANCE_ROWS_PER_SECOND = 1
    interrupt(monkeypatch)
    stopped = run("repair_search", "--json")
    assert (stopped.code, stopped.json["checked"], stopped.json["wrong"]["content.post.words"]) == (130, 1, 1)
    monkeypatch.undo()
    settings.MAINTENANCE_ROWS_PER_SECOND = 0
    rest = run("repair_search", "--after", stopped.json["go_on_after"], "--json").json
    assert rest["wrong"] == ONE_EACH | {"content.post.words": 0}
    assert run("repair_search", "--after", "x").code == 1


def test_changed_text_is_not_overwritten_by_the_words_of_the_former_one(alice, monkeypatch):
    post = PostFactory(author=alice, photos=0, caption="before")
    field = Post._meta.get_field("words")
    Post.objects.update(words=None)

    def edit_meanwhile(text):
        Post.objects.filter(pk=post.pk).update(caption="after", words=["after"])
        return [text]

    monkeypatch.setattr(field, "derive", edit_meanwhile)
    run("repair_search", "--field", "content.post.words")
    assert Post.objects.get(pk=post.pk).words == ["after"]


@pytest.mark.parametrize("letter", ["a", "\U00012000", "夜", "\ufdfa"])
def test_longest_texts_can_be_stored(alice, letter):
    post = PostFactory(author=alice, photos=0, caption=letter * 2200)
    assert max(map(len, Post.objects.get(pk=post.pk).words)) <= MAX_LENGTH
    Tag.objects.create(name=letter * 100)
