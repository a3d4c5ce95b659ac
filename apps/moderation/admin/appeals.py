"""Appeals beside the first decision, and the decision on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from apps.accounts.models import User
from apps.content.models import Post, PostMedia
from apps.core.errors import DomainError
from apps.core.validators import validate_not_blank
from apps.engagement.models import Comment
from apps.moderation import services
from apps.moderation.admin.pages import ConsolePage, Photo, Slice, avatar_of, current_user, photo_of
from apps.moderation.cases import reads
from apps.moderation.models import UNPLEASANT, Appeal, TargetType

PER_PAGE = 10
# The page of the post shows all photos.
PHOTOS = 4


class DecisionForm(forms.Form):
    decision = forms.ChoiceField(choices=[("uphold", "uphold"), ("overturn", "overturn")])
    note = forms.CharField(max_length=1000, validators=[validate_not_blank])


@dataclass(frozen=True)
class Case:
    """An appeal on the page. `refusal` says why the current user cannot decide it."""

    appeal: Appeal
    text: str
    photos: list[Photo]
    post_id: UUID | None
    refusal: str


class AppealsPage(ConsolePage):
    title = "Appeals"
    template_name = "console/appeals.html"

    def get_page_context(self) -> dict[str, Any]:
        status = self.request.GET.get("status", Appeal.Status.OPEN)
        if status not in Appeal.Status.values:
            raise Http404
        rows = Appeal.objects.with_action().filter(status=status)
        # Open appeals are answered in the order of their arrival.
        page = Slice.of(self.request, rows, PER_PAGE, oldest_first=status == Appeal.Status.OPEN)
        return {
            "page": page,
            "cases": _cases(page.rows, current_user(self.request)),
            "status": status,
            "statuses": Appeal.Status.choices,
        }


class DecideAppealPage(ConsolePage):
    """Decide an appeal. POST only."""

    title = "Appeals"
    http_method_names = ["post"]

    def post(self, request: HttpRequest, appeal_id: UUID) -> HttpResponse:
        appeal = Appeal.objects.with_action().filter(pk=appeal_id).first()
        if appeal is None:
            raise Http404
        form = DecisionForm(request.POST)
        if not form.is_valid():
            messages.error(request, "Nothing was decided: give a reason, which the appellant sees.")
        else:
            _decide(request, appeal, form.cleaned_data)
        return redirect(reverse("admin:moderation_appeals"))


def _decide(request: HttpRequest, appeal: Appeal, decided: dict[str, str]) -> None:
    overturn = decided["decision"] == "overturn"
    try:
        services.decide_appeal(appeal, by=current_user(request), overturn=overturn, note=decided["note"])
    except DomainError as refusal:
        messages.error(request, refusal.detail)
        return
    outcome = "overturned and undone" if overturn else "upheld"
    messages.success(request, f"The decision about {appeal.appellant} is {outcome}. The appellant is notified.")


# ── Targets ──────────────────────────────────────────────────────────────────────────────────
def _cases(appeals: Iterable[Appeal], by: User) -> list[Case]:
    """The appeals with their targets, which are read together."""
    about = {kind: [a.action.target_id for a in appeals if a.action.target_type == kind] for kind in TargetType.values}
    comments = reads.get_comments(about[TargetType.COMMENT])
    posts = reads.get_posts(about[TargetType.POST])
    photos = reads.get_photos(posts, limit=PHOTOS)
    return [_case(appeal, by, comments, posts, photos) for appeal in appeals]


def _case(
    appeal: Appeal,
    by: User,
    comments: dict[UUID, Comment],
    posts: dict[UUID, Post],
    photos: dict[UUID, list[PostMedia]],
) -> Case:
    action = appeal.action
    post, comment = posts.get(action.target_id), comments.get(action.target_id)
    blurred = action.category in UNPLEASANT or (post is not None and post.sensitive)
    shown = [photo_of(item, sensitive=blurred) for item in photos.get(action.target_id, [])]
    if action.target_type == TargetType.USER and (avatar := avatar_of(appeal.appellant)):
        shown = [avatar]
    return Case(
        appeal=appeal,
        text=post.caption if post else comment.text if comment else "",
        photos=shown,
        post_id=post.pk if post else comment.post_id if comment else None,
        refusal=_refusal(appeal, by),
    )


def _refusal(appeal: Appeal, by: User) -> str:
    try:
        services.require_another_decider(appeal, by=by)
    except DomainError as refusal:
        return refusal.detail
    return ""
