"""Profiles, and the lists of the social graph."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.content.models import Post
from apps.social import reads
from apps.social.api.profiles import get_profile_or_404
from apps.social.api.serializers import serialize_profile
from apps.web.http import page, render_page, wants_part
from apps.web.lists import GRID, ListPage, paginate
from apps.web.posts import present_posts
from apps.web.previews import preview_profile


@require_safe
@page()
def profile_page(request: HttpRequest, handle: str) -> HttpResponse:
    """A profile with its posts. Raises NotFound."""
    profile = get_profile_or_404(request, f"@{handle}", for_review=True)
    posts = _posts(request, profile) if _may_see_content(request, profile) else None
    if posts and wants_part(request) and not posts.is_first:
        return render(request, "web/parts/grid.html", {"posts": posts})
    shown = serialize_profile(profile)
    context = {
        "profile": shown,
        "posts": posts,
        "is_own": profile.id == request.user.pk,
        "preview": preview_profile(shown),
    }
    return render_page(request, "web/profile.html", context)


def _may_see_content(request: HttpRequest, profile: reads.Profile) -> bool:
    is_open = not profile.is_private or profile.id == request.user.pk
    return is_open or bool(profile.relationship and profile.relationship.following)


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
