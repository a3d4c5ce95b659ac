"""Accounts and sessions in the console."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Func, Q, QuerySet, Value
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from apps.accounts import two_factor
from apps.accounts.devices import masked_address, name_event_device
from apps.accounts.models import DataExport, Erasure, InvitationUse, Session, User, WithheldHandle
from apps.console.base import ReadOnlyAdmin, Related, change_url, linked
from apps.core.db.ids import parse_id
from apps.core.errors import DomainError, Forbidden
from apps.moderation import permissions, verification
from apps.moderation import services as moderation
from apps.moderation.admin.rows import ModeratingAdmin
from apps.moderation.roles import CannotModerate, may_change_rules, outranks


@admin.register(User)
class UserAdmin(ModeratingAdmin):
    list_display = [
        "handle",
        "display_name",
        "state",
        "is_private",
        "follower_count",
        "post_count",
        "created_at",
        "page",
    ]
    list_filter = ["state", "is_private", "is_verified", "is_staff"]
    searched_ids = ["id"]
    searched_people = ["pk"]
    search_help_text = "Finds a complete id or e-mail address, and the beginning of a handle or a name."
    ordering = ["-id"]
    # Listed by name, so that a new field is not shown by accident.
    fields = [
        "handle",
        "display_name",
        "private",
        "security_events",
        "page",
        "state",
        "suspended_until",
        "suspension_reason",
        "reach_limited",
        "erase_after",
        "deactivated_at",
        "created_at",
        "invited_by",
        "last_login",
        "bio",
        "website",
        "locale",
        "time_zone",
        "is_private",
        "is_verified",
        "is_staff",
        "is_superuser",
        "groups",
        "follower_count",
        "following_count",
        "post_count",
    ]
    readonly_fields = ["private", "security_events", "page", "created_at", "invited_by"]
    actions = ["unsuspend"]
    related = [
        Related("Posts", "content.Post", "author"),
        Related("Comments", "engagement.Comment", "author"),
        Related("Media", "media.Media", "owner"),
        Related("Reports about them", "moderation.Flag", "subject"),
        Related("Decisions about them", "moderation.ModerationAction", "affected_id"),
        Related("Decisions by them", "moderation.ModerationAction", "actor"),
        Related("Appeals", "moderation.Appeal", "appellant"),
        Related("Team notes", "moderation.TeamNote", "person"),
        Related("Followers", "social.Follow", "followed"),
        Related("Following", "social.Follow", "follower"),
        Related("Blocks", "social.Block", "blocker"),
        Related("Likes", "engagement.Like", "user"),
        Related("Sessions", "accounts.Session", "user"),
        Related("Invitations", "accounts.Invitation", "creator"),
        Related("Data exports", "accounts.DataExport", "user"),
        Related("Notifications", "notifications.Notification", "recipient"),
    ]

    def search_condition(self, request: HttpRequest, term: str) -> Q:
        name = Func(Value(term), function="photogram_folded")
        begins = Q(handle__startswith=term.lower().removeprefix("@")) | Q(plain_name__startswith=name)
        return super().search_condition(request, term) | begins

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[User]", search_term: str
    ) -> tuple["QuerySet[User]", bool]:
        named = queryset.alias(plain_name=Func(F("display_name"), function="photogram_folded"))
        return super().get_search_results(request, named, search_term)

    @admin.display(description="E-mail, sessions, two-factor")
    def private(self, person: User) -> str:
        masked = permissions.masked_email(person.email)
        return format_html('<a href="{}">{}</a>', reverse("admin:accounts_user_private", args=[person.pk]), masked)

    @admin.display(description="security events")
    def security_events(self, person: User) -> str:
        return format_html('<a href="{}">Open</a>', reverse("admin:accounts_user_security_events", args=[person.pk]))

    @admin.action(description="Unsuspend and show all content", permissions=["moderate"])
    def unsuspend(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self.decide(request, people, lambda person, by, reason: moderation.unsuspend(person, by=by, reason=reason))

    @admin.display(description="invited by")
    def invited_by(self, person: User) -> str:
        use = InvitationUse.objects.filter(user=person).select_related("invitation__creator").first()
        creator = use and use.invitation.creator
        return format_html('<a href="{}">{}</a>', change_url("accounts.User", creator.pk), creator) if creator else "–"

    @admin.display(description="moderation page")
    def page(self, person: User) -> str:
        return format_html('<a href="{}">Open</a>', reverse("admin:moderation_person", args=[person.pk]))

    # ── Private data and the second factor ──────────────────────────────────────────────────────────────
    def get_urls(self) -> list[URLPattern]:
        own = [
            path("<uuid:pk>/private/", self.admin_site.admin_view(self.private_view), name="accounts_user_private"),
            path(
                "<uuid:pk>/reset-two-factor/",
                self.admin_site.admin_view(self.reset_two_factor_view),
                name="accounts_user_reset_two_factor",
            ),
            path(
                "<uuid:pk>/security-events/",
                self.admin_site.admin_view(self.security_events_view),
                name="accounts_user_security_events",
            ),
            path("<uuid:pk>/verify/", self.admin_site.admin_view(self.verify_view), name="accounts_user_verify"),
        ]
        return [*own, *super().get_urls()]

    def private_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Private data, masked unless a reason is posted; the response to that form shows it once."""
        by, person = cast(User, request.user), self._person(pk)
        if not may_change_rules(by):
            raise PermissionDenied
        shown: dict[str, Any] = {"email": permissions.masked_email(person.email), "sessions": None}
        if request.POST.get("show") == "sessions":
            shown["sessions"] = self._read(request, person, permissions.read_sessions)
        else:
            shown["email"] = self._read(request, person, permissions.read_email) or shown["email"]
        shown["may_reset"] = "admin" in by.roles and outranks(by, person) and two_factor.is_enrolled(person)
        return self._private_page(request, "console/private.html", person, f"Private: {person}", shown)

    def security_events_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Security events. Nothing is shown unless a reason is posted; the response to that form shows them once."""
        person = self._person(pk)
        if not may_change_rules(cast(User, request.user)):
            raise PermissionDenied
        events = self._read(request, person, permissions.read_security_events)
        rows = events if events is None else [(event, name_event_device(event)) for event in events]
        title = f"Security events: {person}"
        return self._private_page(request, "console/security_events.html", person, title, {"events": rows})

    @staticmethod
    def _read(request: HttpRequest, person: User, read: Callable[..., Any]) -> Any:
        """What `read` returns, which records the reason that was posted. None without one."""
        if request.method != "POST":
            return None
        try:
            return read(person, by=cast(User, request.user), reason=request.POST.get("reason", "")[:1000])
        except Forbidden as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            messages.error(request, refusal.detail)
            return None

    def _private_page(
        self, request: HttpRequest, template: str, person: User, title: str, shown: dict[str, Any]
    ) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "person": person,
            "reason": request.POST.get("reason", "")[:1000],
        }
        return TemplateResponse(request, template, context | shown)

    def reset_two_factor_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        person = self._person(pk)
        try:
            permissions.reset_two_factor(
                person, by=cast(User, request.user), reason=request.POST.get("reason", "")[:1000]
            )
        except (permissions.AdminRequired, CannotModerate) as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"Two-factor of {person} is reset.")
        return HttpResponseRedirect(change_url("accounts.User", person.pk))

    def verify_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Grant or remove the mark of a verified account."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        person, verified = self._person(pk), request.POST.get("verified") == "true"
        reason = request.POST.get("reason", "")[:1000]
        try:
            verification.set_verified(person, verified=verified, by=cast(User, request.user), reason=reason)
        except (permissions.AdminRequired, permissions.NotYourOwn) as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"{person} is {'verified' if verified else 'no longer verified'}.")
        return HttpResponseRedirect(reverse("admin:moderation_person", args=[person.pk]))

    @staticmethod
    def _person(pk: Any) -> User:
        person: User | None = User.objects.filter(pk=pk).first()
        if person is None:
            raise Http404
        return person


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions without addresses and clients, which are on the private page of the user. Opening a session is
    recorded."""

    list_display = ["id", linked("user"), "kind", "created_at", "last_seen_at", "ended_at"]
    list_select_related = ["user"]
    searched_ids = ["id"]
    searched_people = ["user"]
    narrowed_by = ["user"]
    ordering = ["-id"]
    exclude = ["nonce", "address", "user_agent"]
    readonly_fields = ["network"]

    @admin.display(description="Network")
    def network(self, session: Session) -> str:
        return masked_address(session.address)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        pk = parse_id(object_id)
        session = Session.objects.select_related("user").filter(pk=pk).first() if pk else None
        if session and self.has_view_permission(request, session):
            try:
                permissions.record_session_view(session, by=cast(User, request.user))
            except Forbidden as refusal:
                raise PermissionDenied from refusal
        return super().change_view(request, object_id, form_url, extra_context)


@admin.register(WithheldHandle)
class WithheldHandleAdmin(ReadOnlyAdmin):
    """Handles of erased accounts, and former handles, that other accounts cannot take yet."""

    list_display = ["handle", "until"]
    searched_texts = ["handle"]
    ordering = ["-id"]


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    """Pending erasures. Many attempts mean that the erasure keeps failing."""

    list_display = ["user_id", "attempts", "leased_until", "next_attempt_at", "created_at"]
    searched_ids = ["user_id"]
    ordering = ["next_attempt_at", "user_id"]


@admin.register(DataExport)
class DataExportAdmin(ReadOnlyAdmin):
    list_display = ["id", linked("user"), "status", "attempts", "bytes", "error", "created_at", "expires_at"]
    list_select_related = ["user"]
    list_filter = ["status"]
    searched_ids = ["id"]
    searched_people = ["user"]
    narrowed_by = ["user"]
    ordering = ["-id"]
    exclude = ["secret"]
