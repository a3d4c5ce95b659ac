"""The composer, which creates a post of uploaded photos; the form that edits a post; and the avatar.

Photos go straight to storage, so choosing them needs JavaScript (`composer.js`, `queue.js`, `crop.js`).
"""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from rest_framework.exceptions import ValidationError

from apps.accounts import services as accounts
from apps.accounts.api.serializers import UpdateProfileSerializer
from apps.accounts.services import must_confirm_email
from apps.content import services
from apps.content.api.posts import find_own_post
from apps.content.api.serializers import UpdatePostSerializer
from apps.content.models import Post
from apps.core.api.problems import refusal_for
from apps.core.errors import DomainError
from apps.engagement import reads
from apps.media.containers import ACCEPTED_TYPES
from apps.media.models import Media
from apps.web.errors import field_errors
from apps.web.http import get_member, go, page, render_page, require_form_methods, validate
from apps.web.posts import present_post

_FIELDS = ("caption", "visibility")
_CHECKBOXES = ("sensitive", "comments_enabled")
# The name of the field with the alt text of a photo is this and the id of the photo.
_ALT_TEXT = "alt_texts."


def upload_limits() -> dict[str, Any]:
    """What the composer refuses before an upload: the limits of `GET /v1/instance`."""
    return {
        "types": ",".join(ACCEPTED_TYPES),
        "max_bytes": settings.MEDIA_MAX_BYTES,
        "max_megabytes": settings.MEDIA_MAX_BYTES // 1_000_000,
        "max_pixels": settings.MEDIA_MAX_PIXELS,
        "max_megapixels": settings.MEDIA_MAX_PIXELS // 1_000_000,
        "photos": services.MAX_MEDIA,
        "caption_length": Post._meta.get_field("caption").max_length,
        "alt_text_length": Media._meta.get_field("alt_text").max_length,
    }


# ── Posts ────────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def new(request: HttpRequest) -> HttpResponse:
    """The composer, or the request to confirm the address. Scripts create the post (`POST /web/posts`)."""
    if must_confirm_email(get_member(request)):
        return render_page(request, "web/confirm_first.html")
    return render_page(request, "web/new.html", {"limits": upload_limits()})


@require_form_methods
@page(members_only=True)
def edit(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """Edit a post of the member. Raises NotFound; Forbidden for posts of others."""
    post = find_own_post(request, post_id)
    if request.method != "POST":
        return _edit_page(request, post_id)
    sent = _sent_changes(request)
    try:
        services.update_post(post, changes=validate(UpdatePostSerializer, sent, partial=True))
    except (DomainError, ValidationError) as error:
        return _edit_page(request, post_id, sent, error)
    return go(request, reverse("web:post", args=[post_id]))


def _sent_changes(request: HttpRequest) -> dict[str, Any]:
    """The body of `PATCH /v1/posts/{id}` of a sent form."""
    sent: dict[str, Any] = {name: request.POST[name] for name in _FIELDS if name in request.POST}
    sent |= {name: name in request.POST for name in _CHECKBOXES}
    alt_texts = {
        name.removeprefix(_ALT_TEXT): text for name, text in request.POST.items() if name.startswith(_ALT_TEXT)
    }
    return sent | {"alt_texts": alt_texts}


def _edit_page(
    request: HttpRequest,
    post_id: UUID,
    sent: dict[str, Any] | None = None,
    error: DomainError | ValidationError | None = None,
) -> HttpResponse:
    """The form with the post's values, or after an error with those that were sent."""
    post = present_post(reads.post(post_id, request.user.pk), request.user.pk)
    values = {name: post[name] for name in (*_FIELDS, *_CHECKBOXES)} | (sent or {})
    errors = field_errors(error) if error else {}
    for photo in post["photos"]:
        photo["value"] = values.get("alt_texts", {}).get(photo["id"], photo["alt_text"])
        photo["errors"] = errors.pop(f"{_ALT_TEXT}{photo['id']}", [])
    context = {"post": post, "values": values, "errors": errors, "limits": upload_limits()}
    status = refusal_for(error).status if error else 200
    return render_page(request, "web/post_edit.html", context, status=status)


@require_safe
@page(members_only=True)
def state(request: HttpRequest, post_id: UUID) -> HttpResponse:
    """How far the processing of a post is: the part of its page that is requested until the post is published."""
    post = present_post(reads.post(post_id, request.user.pk), request.user.pk)
    return render(request, "web/parts/post_state.html", {"post": post, "was_processing": True})


# ── Avatar ───────────────────────────────────────────────────────────────────────────────────────────────
@require_form_methods
@page(members_only=True)
def avatar(request: HttpRequest) -> HttpResponse:
    """Choose and crop a new avatar, or remove the present one. The form sends the id of the upload, or nothing."""
    if request.method != "POST":
        return _avatar_page(request)
    try:
        chosen = {"avatar_media_id": request.POST.get("avatar_media_id") or None}
        accounts.update_profile(get_member(request), changes=validate(UpdateProfileSerializer, chosen))
    except (DomainError, ValidationError) as error:
        return _avatar_page(request, error)
    messages.success(request, _("Your profile picture has changed."))
    return go(request, reverse("web:avatar"))


def _avatar_page(request: HttpRequest, error: DomainError | ValidationError | None = None) -> HttpResponse:
    context = {"limits": upload_limits(), "errors": field_errors(error) if error else {}}
    status = refusal_for(error).status if error else 200
    return render_page(request, "web/avatar.html", context, status=status)
