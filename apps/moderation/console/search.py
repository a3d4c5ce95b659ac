"""The search of the console: by handle, name, e-mail address, id or words.

Each kind of row is searched by an index of its own and returns at most LIMIT rows, so the cost of a search does not
depend on the size of the tables. The results include rows that are hidden from other users.
"""

from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize
from uuid import UUID

from django.db.models import CharField, QuerySet, Value

from apps.accounts.models import User
from apps.content.captions import SIGNS
from apps.content.models import Post, PostMedia
from apps.content.querysets import PostQuerySet
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentQuerySet
from apps.moderation.models import Appeal, Flag, ModerationAction
from apps.search.querysets import filter_posts
from apps.search.reads import find_people_in_any_state
from apps.search.words import has_words

LIMIT = 10
# Longer texts are cut.
MAX_LENGTH = 100


@dataclass
class SearchResults:
    people: list[User] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    actions: list[ModerationAction] = field(default_factory=list)
    appeals: list[Appeal] = field(default_factory=list)
    # A person was found by their e-mail address, which is private.
    by_email: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.people or self.posts or self.comments or self.flags or self.actions or self.appeals)


def find(text: str, *, reader_id: UUID) -> SearchResults:
    """The rows for an id, a complete e-mail address, a #tag, or a name and words, as far as this moderator may see
    them."""
    wanted = " ".join(normalize("NFC", text.replace("\0", " ")).split())[:MAX_LENGTH]
    if not wanted:
        return SearchResults()
    pk = _id(wanted)
    if pk:
        return _by_id(pk, reader_id)
    if "@" in wanted.removeprefix("@"):
        person = User.objects.by_login(wanted).first()
        return SearchResults(people=[person] if person else [], by_email=person is not None)
    found = SearchResults(posts=list(find_posts(wanted)[:LIMIT]))
    if not wanted.startswith(SIGNS):
        found.people = _people(wanted)
    if not wanted.startswith((*SIGNS, "@")):
        found.comments = list(find_comments(wanted)[:LIMIT])
    return found


def find_posts(words: str) -> PostQuerySet:
    """Posts in every state, newest first."""
    asked: Any = Post.objects.select_related("author").order_by("-id")
    found: PostQuerySet = filter_posts(asked, words.removeprefix("@"))
    return found


def find_comments(words: str) -> CommentQuerySet:
    """Comments in every state, newest first."""
    found: Any = Comment.objects.select_related("author").filter(has_words("text", words)).order_by("-id")
    held: CommentQuerySet = found
    return held


def _people(name: str) -> list[User]:
    best = [person.id for person in find_people_in_any_state(name, limit=LIMIT)]
    rows = User.objects.in_bulk(best)
    return [rows[pk] for pk in best if pk in rows]


def _id(text: str) -> UUID | None:
    """An id with or without hyphens, in upper or lower case, as in logs and mails."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _by_id(pk: UUID, reader_id: UUID) -> SearchResults:
    match _kind_of(pk):
        case "person":
            return SearchResults(people=list(User.objects.filter(pk=pk)))
        case "post":
            return SearchResults(posts=list(Post.objects.select_related("author").filter(pk=pk)))
        case "photo":
            return SearchResults(posts=list(Post.objects.select_related("author").filter(items__medium=pk)))
        case "comment":
            return SearchResults(comments=list(Comment.objects.select_related("author").filter(pk=pk)))
        case "flag":
            return SearchResults(flags=list(Flag.objects.select_related("subject").filter(pk=pk)))
        case "action":
            return SearchResults(actions=list(ModerationAction.objects.with_outcome().filter(pk=pk)))
        case "appeal":
            return SearchResults(appeals=list(Appeal.objects.listed_for(reader_id).with_action().filter(pk=pk)))
    return SearchResults()


def _kind_of(pk: UUID) -> str | None:
    """The kind of row that has this id, in one query."""
    rows: dict[str, QuerySet[Any]] = {
        "person": User.objects.filter(pk=pk),
        "post": Post.objects.filter(pk=pk),
        "photo": PostMedia.objects.filter(medium=pk),
        "comment": Comment.objects.filter(pk=pk),
        "flag": Flag.objects.filter(pk=pk),
        "action": ModerationAction.objects.filter(pk=pk),
        "appeal": Appeal.objects.filter(pk=pk),
    }
    kinds = [queryset.order_by().values_list(Value(kind, CharField())) for kind, queryset in rows.items()]
    found = kinds[0].union(*kinds[1:], all=True)
    return next((kind for (kind,) in found), None)
