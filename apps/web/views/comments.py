"""The page of a post with its comments, and what members do with comments."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe
from rest_framework.exceptions import ValidationError

from apps.accounts.services import require_confirmed_email
from apps.content.api.posts import check_post_readable, read_post
from apps.core.api.problems import refusal_for
from apps.core.errors import DomainError, NotFound
from apps.engagement import comments as services
from apps.engagement import reads
from apps.engagement import services as reactions
from apps.engagement.api.comments import delete_comment, find_reviewable_comment
from apps.engagement.api.serializers import CreateCommentSerializer, serialize_comment_counts
from apps.engagement.models import Comment
from apps.web.comments import present_comment, present_comments
from apps.web.errors import field_errors
from apps.web.forms import create_once, new_key
from apps.web.http import (
    go,
    member_id,
    page,
    read_form,
    redirect_to_login,
    render_page,
    require_form_methods,
    wants_json,
    wants_part,
)
from apps.web.lists import ListPage, paginate_queryset
from apps.web.posts import present_post
from apps.web.previews import preview_post

COMMENTS = 20


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────
def show_post(
    request: HttpRequest, post_id: UUID, *, thread_id: UUID | None = None, form: dict[str, Any] | None = None
) -> HttpResponse:
    """The page of a post with its comments, or with the replies to the comment `thread_id`. Raises NotFound.

    `form`: a comment that was refused, with `text`, `errors` and `status`.
    """
    viewer_id = request.user.pk
    row = read_post(request, post_id)
    comments = _comments(request, row, thread_id)
    context: dict[str, Any] = {"comments": comments, "post_url": reverse("web:post", args=[post_id])}
    if wants_part(request) and (thread_id or not comments.is_first):
        return render(request, "web/parts/comments.html", context | {"post_id": post_id})
    post = present_post(row, viewer_id, show_sensitive=True if request.GET.get("show") else None)
    context |= {"post": post, "preview": preview_post(post) if post["is_public"] else None}
    if thread_id:
        context["thread"] = present_comment(
            reads.comment(thread_id, viewer_id), viewer_id, post_author_id=row.author.id
        )
    form = form or {}
    context["form"] = {"key": new_key(), "parent_id": thread_id, **form}
    return render_page(request, "web/post.html", context, status=form.get("status", 200))


def _comments(request: HttpRequest, post: reads.PostRow, thread_id: UUID | None) -> ListPage:
    """A page of the comments, newest first, or of the replies to a comment, oldest first."""
    viewer_id = request.user.pk
    listed = Comment.objects.listed_for(viewer_id).on(post.id)
    rows, ordering = listed.threads(), "-id"
    if thread_id:
        if not listed.filter(pk=thread_id).exists():
            raise NotFound
        rows, ordering = listed.replies_to(thread_id), "id"
    return paginate_queryset(
        request,
        "comments",
        rows.only("pk"),
        serialize=lambda found: present_comments([row.pk for row in found], viewer_id, post_author_id=post.author.id),
        limit=COMMENTS,
        ordering=ordering,
        scope={"post": post.id, "thread": thread_id},
    )


@require_safe
@page()
def thread_page(request: HttpRequest, post_id: UUID, comment_id: UUID) -> HttpResponse:
    """A comment with its replies, below the post. Raises NotFound."""
    return show_post(request, post_id, thread_id=comment_id)


# ── Writing ──────────────────────────────────────────────────────────────────────────────────────────────
@require_form_methods
@page()
def comment(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Comment on the post, or reply to the comment `parent_id`. A form that is sent twice creates one comment.

    A GET shows the post, because a refused form leaves its address in the browser.
    """
    if request.method != "POST":
        return show_post(request, post_id)
    if not request.user.is_authenticated:
        return redirect_to_login(request)
    post_url = reverse("web:post", args=[post_id])
    try:
        require_confirmed_email(request.user)
        made_id = _create_once(request, post_id)
    except (DomainError, ValidationError) as error:
        if wants_json(request) or isinstance(error, NotFound):
            raise
        form = {"text": request.POST.get("text", ""), "errors": field_errors(error)}
        return show_post(request, post_id, form=form | {"status": refusal_for(error).status})
    made = reads.comment(made_id, request.user.pk)
    if not wants_json(request):
        below = reverse("web:thread", args=[post_id, made.parent_id]) if made.parent_id else post_url
        return go(request, f"{below}#comment-{made.id}")
    return JsonResponse({"id": made.id, "html": _render(request, post_id, made)}, status=201)


def _create_once(request: HttpRequest, post_id: UUID) -> UUID:
    sent = ["text", "parent_id"] if request.POST.get("parent_id") else ["text"]
    fields = read_form(request, CreateCommentSerializer, fields=sent)
    return create_once(request, fields, lambda: services.comment(post_id, by=member_id(request), **fields).pk)


def _render(request: HttpRequest, post_id: UUID, made: reads.CommentRow) -> str:
    author_id = reads.post(post_id, request.user.pk).author.id
    presented = present_comment(made, request.user.pk, post_author_id=author_id)
    context = {"comment": presented, "post_url": reverse("web:post", args=[post_id])}
    return render_to_string("web/parts/comment.html", context, request)


@require_POST
@page(members_only=True)
def like(request: HttpRequest, post_id: UUID, comment_id: UUID) -> HttpResponse:
    """Like the comment, or unlike it if the form says `liked=false`."""
    liked = request.POST.get("liked") != "false"
    (reactions.like_comment if liked else reactions.unlike_comment)(comment_id, by=member_id(request))
    if not wants_json(request):
        return go(request, f"{reverse('web:post', args=[post_id])}#comment-{comment_id}")
    row = reads.comment(comment_id, request.user.pk)
    count = serialize_comment_counts(row)["likes"]
    label = ngettext("%(n)s like", "%(n)s likes", count) % {"n": count} if count else ""
    return JsonResponse({"on": row.viewer.liked, "count": count, "label": label})


@require_POST
@page(members_only=True)
def delete(request: HttpRequest, post_id: UUID, comment_id: UUID) -> HttpResponse:
    """Delete a comment: of the member, or on a post of the member. Raises NotFound, Forbidden."""
    check_post_readable(request, post_id)
    found = find_reviewable_comment(request, comment_id)
    if found.post_id != post_id:
        raise NotFound
    delete_comment(request, found)
    if wants_json(request):
        return JsonResponse({"deleted": True})
    return go(request, f"{reverse('web:post', args=[post_id])}#comments")
