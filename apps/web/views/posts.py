"""A post, and what members do with it."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.api.authentication import is_moderator
from apps.engagement import reads, services
from apps.web.http import go_back, page, render_page, wants_part
from apps.web.posts import present_post
from apps.web.previews import preview_post


@require_safe
@page()
def post_page(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """A post with its comments. Raises NotFound."""
    visible = reads.ALL_POSTS if is_moderator(request) else reads.VISIBLE_POSTS
    post = present_post(reads.post(post_id, request.user.pk, visible=visible), request.user.pk)
    preview = preview_post(post) if post["is_public"] else None
    return render_page(request, "web/post.html", {"post": post, "preview": preview})


@require_POST
@page(members_only=True)
def like(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Like the post, or unlike it if the form says `liked=false`."""
    service = services.unlike if request.POST.get("liked") == "false" else services.like
    service(post_id, by=request.user.pk)
    return _actions(request, post_id)


@require_POST
@page(members_only=True)
def save(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Save the post, or unsave it if the form says `saved=false`."""
    service = services.unsave if request.POST.get("saved") == "false" else services.save
    service(post_id, by=request.user.pk)
    return _actions(request, post_id)


def _actions(request: HttpRequest, post_id: UUID) -> HttpResponse:
    if not wants_part(request):
        return go_back(request, f"/p/{post_id}")
    post = present_post(reads.post(post_id, request.user.pk), request.user.pk)
    return render(request, "web/parts/actions.html", {"post": post})
