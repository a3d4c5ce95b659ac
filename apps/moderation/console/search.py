"""One box for everything that a moderator may be given: a handle, a name, an address, an id, words.

Each kind is looked for by an index of its own and answers with at most `EACH` rows, so that a search costs the same
however much there is. Moderators also find what is hidden from others.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection

from apps.accounts.models import User
from apps.content.models import Post
from apps.content.querysets import PostQuerySet
from apps.engagement.models import Comment
from apps.engagement.querysets import CommentQuerySet
from apps.moderation.models import Appeal, Flag, ModerationAction
from apps.search.querysets import filter_posts
from apps.search.reads import find_people_in_any_state
from apps.search.words import contains_words

EACH = 10
# What a box takes; longer texts are cut.
LONGEST = 100

# Which kind of row has the id.
_KIND = """
SELECT 'person' FROM accounts_user WHERE id = %(id)s
UNION ALL SELECT 'post' FROM content_post WHERE id = %(id)s
UNION ALL SELECT 'post of the photo' FROM content_postmedia WHERE medium_id = %(id)s
UNION ALL SELECT 'comment' FROM engagement_comment WHERE id = %(id)s
UNION ALL SELECT 'flag' FROM moderation_flag WHERE id = %(id)s
UNION ALL SELECT 'action' FROM moderation_moderationaction WHERE id = %(id)s
UNION ALL SELECT 'appeal' FROM moderation_appeal WHERE id = %(id)s
"""


@dataclass
class Found:
    people: list[User] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    actions: list[ModerationAction] = field(default_factory=list)
    appeals: list[Appeal] = field(default_factory=list)
    # The person was found by their very address, which is a private thing to know.
    by_address: bool = False

    @property
    def nothing(self) -> bool:
        return not (self.people or self.posts or self.comments or self.flags or self.actions or self.appeals)


def look_up(text: str) -> Found:
    """What `text` may mean: an id, an e-mail address to the letter, a #tag, or a name and words."""
    wanted = " ".join(text.replace("\0", " ").split())[:LONGEST]
    if not wanted:
        return Found()
    pk = _id(wanted)
    if pk:
        return _by_id(pk)
    if "@" in wanted.removeprefix("@"):
        person = User.objects.by_login(wanted).first()
        return Found(people=[person] if person else [], by_address=person is not None)
    found = Found(posts=list(posts_holding(wanted)[:EACH]))
    if not wanted.startswith("#"):
        found.people = _people(wanted)
    if not wanted.startswith(("#", "@")):
        found.comments = list(comments_holding(wanted)[:EACH])
    return found


def posts_holding(words: str) -> PostQuerySet:
    """Newest first, whatever their state."""
    asked: Any = Post.objects.select_related("author").order_by("-id")
    found: PostQuerySet = filter_posts(asked, words.removeprefix("@"))
    return found


def comments_holding(words: str) -> CommentQuerySet:
    found: Any = Comment.objects.select_related("author").filter(contains_words("text", words)).order_by("-id")
    held: CommentQuerySet = found
    return held


def _people(name: str) -> list[User]:
    best = [person.id for person in find_people_in_any_state(name, limit=EACH)]
    rows = User.objects.in_bulk(best)
    return [rows[pk] for pk in best if pk in rows]


def _id(text: str) -> UUID | None:
    """With or without hyphens, in whichever case: ids are pasted from logs and mails."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _by_id(pk: UUID) -> Found:
    with connection.cursor() as cursor:
        cursor.execute(_KIND, {"id": pk})
        row = cursor.fetchone()
    match row[0] if row else None:
        case "person":
            return Found(people=list(User.objects.filter(pk=pk)))
        case "post":
            return Found(posts=list(Post.objects.select_related("author").filter(pk=pk)))
        case "post of the photo":
            return Found(posts=list(Post.objects.select_related("author").filter(items__medium=pk)))
        case "comment":
            return Found(comments=list(Comment.objects.select_related("author").filter(pk=pk)))
        case "flag":
            return Found(flags=list(Flag.objects.select_related("subject").filter(pk=pk)))
        case "action":
            return Found(actions=list(ModerationAction.objects.for_cards().filter(pk=pk)))
        case "appeal":
            return Found(appeals=list(Appeal.objects.for_cards().filter(pk=pk)))
    return Found()
