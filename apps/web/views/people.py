"""Profiles, and lists of people."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from apps.accounts.api.authentication import is_moderator
from apps.content.models import Post
from apps.core.errors import NotFound
from apps.social import reads
from apps.social.api.profiles import get_profile_content_or_404, get_profile_or_404, get_user_or_404
from apps.social.api.views import FOLLOWERS, FOLLOWING
from apps.web.http import member_id, page, render_page, render_part, wants_part
from apps.web.lists import GRID, PEOPLE, ListPage, paginate, render_list
from apps.web.people import present_blocked, present_people, present_profile
from apps.web.posts import present_posts
from apps.web.previews import preview_profile

# Suggestions beside the feed.
FEW = 5


# ── Profiles ─────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page()
def profile_page(request: HttpRequest, handle: str) -> HttpResponse:
    """A profile with its posts. Raises NotFound."""
    context = read_profile(request, handle)
    posts = context["posts"]
    if posts and wants_part(request) and not posts.is_first:
        return render_part(request, "web/parts/grid.html", context)
    is_blocked = (context["profile"]["viewer"] or {}).get("blocking")
    preview = None if is_blocked else preview_profile(context["profile"])
    return render_page(request, "web/profile.html", context | {"preview": preview})


def read_profile(request: HttpRequest, handle: str) -> dict[str, Any]:
    """The context of `web/parts/profile.html`. `posts` is None if the viewer may not see them. Raises NotFound."""
    reviews = is_moderator(request)
    try:
        profile = get_profile_or_404(request, f"@{handle}", for_review=True)
    except NotFound:
        # The viewer blocks the account, and can unblock it here.
        user = get_user_or_404(request, f"@{handle}", include_blocked=True)
        return {"profile": present_blocked(user), "posts": None, "reviews": reviews}
    posts = _posts(request, profile) if profile.shows_content_to(request.user.pk) else None
    return {"profile": present_profile(profile, request.user.pk), "posts": posts, "reviews": reviews}


def _posts(request: HttpRequest, profile: reads.Profile) -> ListPage:
    viewer_id = request.user.pk
    posts = Post.objects.visible_to(viewer_id).written_by(profile.id)
    return paginate(
        request,
        "profile",
        lambda after, limit: posts.page_of_ids(after=after, limit=limit),
        position=lambda pk: pk,
        serialize=lambda ids: present_posts(ids, viewer_id),
        limit=GRID,
        scope={"author": profile.id},
    )


# ── Lists of people ──────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def followers(request: HttpRequest, handle: str) -> HttpResponse:
    """The followers of an account. The own followers can be removed. Raises NotFound."""
    return _list(request, handle, FOLLOWERS, "followers")


@require_safe
@page(members_only=True)
def following(request: HttpRequest, handle: str) -> HttpResponse:
    """The accounts that an account follows. Raises NotFound."""
    return _list(request, handle, FOLLOWING, "following")


def _list(request: HttpRequest, handle: str, rows: reads.RelationshipList, name: str) -> HttpResponse:
    profile = get_profile_content_or_404(request, f"@{handle}")
    people = paginate_people(request, name, rows, person=profile.id)
    is_own = profile.id == request.user.pk
    context = {"people": people, "can_remove": is_own and name == "followers"}
    context |= {"profile": present_profile(profile, request.user.pk), "list_name": name}
    return render_list(request, people, template="web/follows.html", part="web/parts/people.html", context=context)


def paginate_people(request: HttpRequest, name: str, rows: reads.RelationshipList, **ids: Any) -> ListPage:
    """A page of a list of the social graph, as accounts with the viewer's relationship to each."""
    viewer_id = member_id(request)
    return paginate(
        request,
        name,
        lambda after, limit: rows.page(viewer=viewer_id, after=after, limit=limit, **ids),
        position=lambda row: row.id,
        serialize=lambda found: present_people([row.user.id for row in found], viewer_id),
        limit=PEOPLE,
        scope=ids,
    )


@require_safe
@page(members_only=True)
def suggestions(request: HttpRequest) -> HttpResponse:
    """Accounts followed by accounts that the member follows. With `?few` some of them, for a part of a page."""
    few = "few" in request.GET
    people = _suggest(request, FEW if few else PEOPLE)
    if few and wants_part(request):
        return render_part(request, "web/parts/suggestions.html", {"people": people})
    return render_list(
        request, people, template="web/suggestions.html", part="web/parts/people.html", context={"people": people}
    )


def _suggest(request: HttpRequest, limit: int) -> ListPage:
    viewer_id = member_id(request)
    fetch: Callable[..., Sequence[reads.Suggestion]] = partial(reads.suggestions, viewer_id)
    return paginate(
        request,
        "suggestions",
        lambda after, limit: fetch(after=after, limit=limit),
        position=lambda row: (row.followed_by_count, row.user_id),
        serialize=lambda rows: _present_suggestions(rows, viewer_id),
        limit=limit,
    )


def _present_suggestions(rows: Sequence[reads.Suggestion], viewer_id: Any) -> list[dict[str, Any]]:
    counts = {row.user_id: row.followed_by_count for row in rows}
    people = present_people(counts, viewer_id)
    return [person | {"followed_by_count": counts[person["id"]]} for person in people]
