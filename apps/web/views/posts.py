"""A post, what members do with it, and the posts that a member has saved and liked."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.content import services as content
from apps.content.api.posts import check_post_readable, find_own_post
from apps.content.api.serializers import serialize_post_counts
from apps.engagement import reads, services
from apps.engagement.models import Like, Save
from apps.engagement.querysets import ReactionQuerySet
from apps.web.http import (
    get_member,
    go,
    go_back,
    member_id,
    page,
    render_page,
    require_form_methods,
    wants_json,
)
from apps.web.lists import GRID, PEOPLE, paginate, paginate_queryset, render_list
from apps.web.people import present_people
from apps.web.posts import present_post, present_posts
from apps.web.views.comments import show_post


@require_safe
@page()
def post_page(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """A post with its comments. Raises NotFound."""
    return show_post(request, post_id)


# ── Likes and saves ──────────────────────────────────────────────────────────────────────────────────────
@require_POST
@page(members_only=True)
def like(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Like the post, or unlike it if the form says `liked=false`."""
    liked = request.POST.get("liked") != "false"
    (services.like if liked else services.unlike)(post_id, by=member_id(request))
    if not wants_json(request):
        return go_back(request, reverse("web:post", args=[post_id]))
    post = reads.post(post_id, request.user.pk)
    count = serialize_post_counts(post)["likes"]
    label = ngettext("%(n)s like", "%(n)s likes", count) % {"n": count}
    return JsonResponse({"on": post.viewer.liked, "count": count, "label": label})


@require_POST
@page(members_only=True)
def save(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Save the post, or unsave it if the form says `saved=false`."""
    saved = request.POST.get("saved") != "false"
    (services.save if saved else services.unsave)(post_id, by=member_id(request))
    if not wants_json(request):
        return go_back(request, reverse("web:post", args=[post_id]))
    return JsonResponse({"on": saved})


@require_safe
@page(members_only=True)
def likes(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """The accounts that like the post. Raises NotFound."""
    check_post_readable(request, post_id)
    viewer_id = member_id(request)
    people = paginate(
        request,
        "likes",
        lambda after, limit: reads.LIKERS.page(viewer=viewer_id, post=post_id, after=after, limit=limit),
        position=lambda row: row.id,
        serialize=lambda rows: present_people([row.user.id for row in rows], viewer_id),
        limit=PEOPLE,
        scope={"post": post_id},
    )
    context = {"people": people, "post_url": reverse("web:post", args=[post_id])}
    return render_list(request, people, template="web/likes.html", part="web/parts/people.html", context=context)


# ── Collections ──────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def saved_posts(request: HttpRequest) -> HttpResponse:
    """The posts that the member has saved, the last saved first."""
    return _collection(request, Save.objects.made_by(member_id(request)), "saved")


@require_safe
@page(members_only=True)
def liked_posts(request: HttpRequest) -> HttpResponse:
    """The posts that the member has liked, the last liked first."""
    return _collection(request, Like.objects.made_by(member_id(request)), "liked")


def _collection(request: HttpRequest, reactions: ReactionQuerySet, name: str) -> HttpResponse:
    viewer_id = request.user.pk
    posts = paginate_queryset(
        request,
        name,
        reactions,
        serialize=lambda rows: present_posts([row.post_id for row in rows], viewer_id),
        limit=GRID,
    )
    return render_list(
        request,
        posts,
        template="web/collection.html",
        part="web/parts/grid.html",
        context={"posts": posts, "collection": name},
    )


# ── Deleting ─────────────────────────────────────────────────────────────────────────────────────────────
@require_form_methods
@page(members_only=True)
def delete(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Ask whether to delete the post; a POST deletes it. Raises NotFound; Forbidden for posts of others."""
    post = find_own_post(request, post_id)
    if request.method != "POST":
        presented = present_post(reads.post(post_id, request.user.pk), request.user.pk)
        return render_page(request, "web/delete_post.html", {"post": presented})
    content.delete_post(post)
    if wants_json(request):
        return JsonResponse({"deleted": True})
    messages.success(request, _("Your post was deleted."))
    return go(request, reverse("web:profile", args=[get_member(request).handle]))
