"""The settings of the current user."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.password_validation import password_validators_help_texts
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from apps.accounts import changes, exports, services
from apps.accounts.api import attempts
from apps.accounts.api.second_factors import describe_second_factors
from apps.accounts.api.serializers import (
    THEMES,
    ChangeEmailSerializer,
    ChangeHandleSerializer,
    ChangePasswordSerializer,
    DataExportSerializer,
    PasswordSerializer,
    SecurityEventSerializer,
    SessionSerializer,
    UpdateProfileSerializer,
)
from apps.accounts.devices import name_device
from apps.accounts.models import DEFAULT_SETTINGS, DataExport, SecurityEvent, Session, User
from apps.accounts.security import title_of
from apps.accounts.services import WrongPassword
from apps.core import limits, time_zones
from apps.core.languages import closest_language
from apps.moderation.api.serializers import serialize_decision
from apps.moderation.models import ModerationAction
from apps.notifications import preferences
from apps.notifications.api.serializers import PreferencesBodySerializer
from apps.notifications.models import Type
from apps.notifications.preferences import Channels
from apps.notifications.querysets import WITH_STATEMENT
from apps.social import visibility
from apps.social.api.serializers import BlockedUserSerializer, MutedUserSerializer
from apps.web import sessions
from apps.web.forms import form_page
from apps.web.http import get_member, member_id, page, read_form, render_page, require_form_methods, validate
from apps.web.lists import PEOPLE, paginate_queryset, render_list

# Security events on the page about security, which links to the others.
RECENT_EVENTS = 5


@dataclass(frozen=True)
class Section:
    """A page of the settings, whose URL name is `settings_<name>`."""

    name: str
    title: Any
    summary: Any
    icon: str

    @property
    def url(self) -> str:
        return reverse(f"web:settings_{self.name}")


SECTIONS = [
    Section("profile", gettext_lazy("Profile"), gettext_lazy("Photo, name, bio and website"), "person"),
    Section("account", gettext_lazy("Account"), gettext_lazy("Handle, e-mail address and language"), "at"),
    Section("security", gettext_lazy("Security"), gettext_lazy("Password, passkeys and authenticator app"), "lock"),
    Section("sessions", gettext_lazy("Devices"), gettext_lazy("Where you are signed in"), "device"),
    Section("notifications", gettext_lazy("Notifications"), gettext_lazy("What you hear about, and how"), "bell"),
    Section("privacy", gettext_lazy("Privacy"), gettext_lazy("Who sees you; blocked and muted people"), "eye-off"),
    Section("moderation", gettext_lazy("Moderation"), gettext_lazy("Your reports, and decisions about you"), "flag"),
    Section("appearance", gettext_lazy("Appearance"), gettext_lazy("Theme, sensitive posts, keyboard"), "palette"),
    Section("invitations", gettext_lazy("Invitations"), gettext_lazy("Invite people you know"), "share"),
    Section("export", gettext_lazy("Your data"), gettext_lazy("Download a copy of it"), "download"),
    Section("delete", gettext_lazy("Delete account"), gettext_lazy("Leave, with all posts and comments"), "trash"),
]


@require_safe
@page(members_only=True)
def overview(request: HttpRequest) -> HttpResponse:
    return render_page(request, "web/settings/overview.html", {"sections": SECTIONS})


def settings_form(
    request: HttpRequest,
    section: str,
    save: Callable[[], None],
    *,
    values: Mapping[str, Any],
    saved: str = "",
    secrets: Iterable[str] = (),
    places: Mapping[str, str] | None = None,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The page of a section with a form. After `save` the page is shown again, with the message `saved`. Other
    arguments as for `form_page`."""
    shell = section_context(section)

    def save_and_show() -> HttpResponse:
        save()
        messages.success(request, saved or _("Saved."))
        return redirect(shell["section"].url)

    return form_page(
        request,
        f"web/settings/{section}.html",
        save_and_show,
        values=values,
        secrets=secrets,
        places=places,
        context=shell | dict(context or {}),
    )


def settings_list(
    request: HttpRequest,
    section: str,
    name: str,
    rows: QuerySet[Any],
    serialize: Callable[[Sequence[Any]], Sequence[Any]],
    *,
    template: str = "",
    scope: dict[str, Any] | None = None,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """A page of a section with a list, newest first. The templates call the list `name`, as its part is called.
    `template`: that of the page, if it is called otherwise. `scope` as for `paginate_queryset`."""
    listed = paginate_queryset(request, name, rows, serialize=serialize, limit=PEOPLE, scope=scope)
    return render_list(
        request,
        listed,
        template=f"web/settings/{template or name}.html",
        part=f"web/settings/parts/{name}.html",
        context=section_context(section) | {name: listed} | dict(context or {}),
    )


def section_context(section: str) -> dict[str, Any]:
    return {"sections": SECTIONS, "section": next(each for each in SECTIONS if each.name == section)}


# ── Profile, account, appearance ─────────────────────────────────────────────────────────────────────────
@require_form_methods
@page(members_only=True)
def profile(request: HttpRequest) -> HttpResponse:
    """Name, bio and website."""
    member = get_member(request)
    fields = ["display_name", "bio", "website"]
    return settings_form(
        request,
        "profile",
        lambda: _update(member, _sent(request, fields)),
        values={name: getattr(member, name) for name in fields},
        context={"longest": {name: cast(Any, User._meta.get_field(name)).max_length for name in fields}},
    )


def _sent(request: HttpRequest, fields: Iterable[str]) -> dict[str, str]:
    return {name: request.POST[name] for name in fields if name in request.POST}


def _update(member: User, data: dict[str, Any]) -> None:
    services.update_profile(member, changes=validate(UpdateProfileSerializer, data, partial=True))


@require_form_methods
@page(members_only=True)
def account(request: HttpRequest) -> HttpResponse:
    """Handle, e-mail address, and language and time zone: a form for each."""
    member = get_member(request)
    fields = ["locale", "time_zone"]
    return _account_form(
        request,
        lambda: _change_language(member, _sent(request, fields)),
        values={name: getattr(member, name) for name in fields},
    )


@require_form_methods
@page(members_only=True)
def change_handle(request: HttpRequest) -> HttpResponse:
    member = get_member(request)

    def save() -> None:
        handle = read_form(request, ChangeHandleSerializer, fields=["handle"])["handle"]
        changes.change_handle(member, handle=handle, session_id=sessions.session_id_of(request))

    return _account_form(
        request,
        save,
        values={"handle": member.handle},
        places={error.code: "handle" for error in (services.HandleTaken, changes.HandleChangeTooSoon)},
        saved=_("Your handle is changed."),
    )


@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def change_email(request: HttpRequest) -> HttpResponse:
    """Send a link to a new address; or correct an address that is not confirmed."""
    member = get_member(request)
    saved = _("We have sent a mail to %(email)s. Open the link in it to confirm the address.")

    def save() -> None:
        body = read_form(request, ChangeEmailSerializer, fields=["email", "password"])
        attempts.count_email_change(request, member, body["email"])
        changes.change_email(member, **body, session_id=sessions.session_id_of(request))

    return _account_form(
        request,
        save,
        values={"email": ""},
        secrets=["password"],
        places={services.EmailTaken.code: "email", WrongPassword.code: "password"},
        saved=saved % {"email": request.POST.get("email", "")},
    )


@require_POST
@page(members_only=True)
def cancel_email_change(request: HttpRequest) -> HttpResponse:
    changes.cancel_email_change(get_member(request), session_id=sessions.session_id_of(request))
    messages.success(request, _("Your e-mail address stays as it is."))
    return redirect("web:settings_account")


def _account_form(request: HttpRequest, save: Callable[[], None], **options: Any) -> HttpResponse:
    """The page with the forms of the account. The values in `options` are those of the form that was sent; arguments
    as for `settings_form`."""
    member = get_member(request)
    context = {
        "locale": member.locale,
        "languages": _languages(member.locale),
        "time_zone": member.time_zone,
        "time_zones": time_zones.choices(),
        "server_zone": settings.TIME_ZONE,
        "pending": changes.pending_change(member.pk),
        "next_handle_change": changes.next_handle_change(member),
        "handle_days": settings.HANDLE_CHANGE_INTERVAL.days,
        "reserved_days": settings.HANDLE_QUARANTINE.days,
        "revert_days": settings.EMAIL_REVERT_LIFETIME.days,
    }
    return settings_form(request, "account", save, context=context, **options)


def _change_language(member: User, sent: dict[str, str]) -> None:
    """Change the language and the time zone, also of the rest of this request, so that its message is in the new
    language. A value that stays as it is may be one that this server does not have."""
    _update(member, {name: value for name, value in sent.items() if value != getattr(member, name)})
    translation.activate(closest_language(sent.get("locale", member.locale)))


def _languages(current: str) -> list[tuple[str, str]]:
    """(code, name in the language itself) of the languages of this server, and the current one."""
    offered = [code for code, _name in settings.LANGUAGES]
    return [(code, _language_name(code)) for code in dict.fromkeys([*offered, current])]


def _language_name(code: str) -> str:
    try:
        return str(get_language_info(code)["name_local"])
    except KeyError:
        return code


@require_form_methods
@page(members_only=True)
def appearance(request: HttpRequest) -> HttpResponse:
    """Theme, sensitive posts and keyboard shortcuts."""
    member = get_member(request)
    current = DEFAULT_SETTINGS | member.settings
    switches = ["show_sensitive", "keyboard_shortcuts"]

    def save() -> None:
        chosen = {"theme": request.POST.get("theme", "")} | {name: name in request.POST for name in switches}
        _update(member, {"settings": chosen})

    return settings_form(
        request,
        "appearance",
        save,
        values={name: current[name] for name in ["theme", *switches]},
        context={"themes": [(name, _theme_name(name)) for name in THEMES]},
    )


def _theme_name(name: str) -> str:
    return {"system": _("As the device"), "light": _("Light"), "dark": _("Dark")}[name]


# ── Security ─────────────────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def security(request: HttpRequest) -> HttpResponse:
    """Change the password; the second factors, which have pages of their own (`security.py`)."""
    user_id = member_id(request)
    return settings_form(
        request,
        "security",
        lambda: _change_password(request),
        values={},
        secrets=["current_password", "new_password"],
        places={WrongPassword.code: "current_password"},
        saved=_("Your password is changed. All other devices are signed out."),
        context={
            "password_rules": password_validators_help_texts(),
            # With all ranks; `get_member` has those that this session may use.
            "factors": describe_second_factors(User.objects.get(pk=user_id)),
            "events": _serialize_events(_events_of(user_id).order_by("-id")[:RECENT_EVENTS]),
        },
    )


def _change_password(request: HttpRequest) -> None:
    body = read_form(request, ChangePasswordSerializer, fields=["current_password", "new_password"])
    limits.require("password", str(member_id(request)))
    services.change_password(
        get_member(request),
        current=body["current_password"],
        new=body["new_password"],
        session_id=sessions.session_id_of(request),
    )


@require_safe
@page(members_only=True)
def security_events(request: HttpRequest) -> HttpResponse:
    """What has happened to the security of the account, newest first."""
    return settings_list(request, "security", "security_events", _events_of(member_id(request)), _serialize_events)


def _events_of(user_id: UUID) -> QuerySet[SecurityEvent]:
    return SecurityEvent.objects.owned_by(user_id)


def _serialize_events(events: Iterable[SecurityEvent]) -> list[dict[str, Any]]:
    return [{**SecurityEventSerializer(event).data, "title": title_of(event)} for event in events]


# ── Devices ──────────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def session_list(request: HttpRequest) -> HttpResponse:
    """The devices, browsers and consoles that are signed in, newest first."""

    def serialize(rows: Sequence[Session]) -> list[dict[str, Any]]:
        context = {"request": request}
        return [{**SessionSerializer(row, context=context).data, "name": name_device(row)} for row in rows]

    live = Session.objects.owned_by(member_id(request)).live()
    return settings_list(request, "sessions", "sessions", live, serialize)


@require_POST
@page(members_only=True)
def end_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """End a session of the current user; for the current session, sign out. Raises NotFound."""
    services.end_own_session(member_id(request), session_id)
    messages.success(request, _("The device is signed out."))
    return redirect("web:settings_sessions")


@require_POST
@page(members_only=True)
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """End all sessions of the current user but this one."""
    services.end_all_sessions(member_id(request), except_id=sessions.session_id_of(request))
    messages.success(request, _("All other devices are signed out."))
    return redirect("web:settings_sessions")


# ── Notifications ────────────────────────────────────────────────────────────────────────────────────────
TYPES = {
    Type.LIKE: gettext_lazy("Likes of your posts"),
    Type.COMMENT: gettext_lazy("Comments on your posts"),
    Type.REPLY: gettext_lazy("Replies to your comments"),
    Type.COMMENT_LIKE: gettext_lazy("Likes of your comments"),
    Type.MENTION: gettext_lazy("Mentions of you"),
    Type.FOLLOW: gettext_lazy("New followers"),
    Type.FOLLOW_REQUEST: gettext_lazy("Requests to follow you"),
    Type.FOLLOW_ACCEPTED: gettext_lazy("Your requests that are accepted"),
    Type.MODERATION: gettext_lazy("Decisions of moderators"),
    Type.REPORT: gettext_lazy("Your reports"),
}
CHANNELS = {
    "in_app": gettext_lazy("Activity"),
    "push": gettext_lazy("Push"),
    "email": gettext_lazy("Mail"),
}


@require_form_methods
@page(members_only=True)
def notifications(request: HttpRequest) -> HttpResponse:
    """The channels of each type of notification."""

    def save() -> None:
        chosen = {type_: {name: f"{type_}.{name}" in request.POST for name in CHANNELS} for type_ in map(str, TYPES)}
        body = validate(PreferencesBodySerializer, chosen)
        preferences.update(member_id(request), {type_: Channels(**channels) for type_, channels in body.items()})

    rows = _channel_rows(preferences.get_channels(member_id(request)))
    return settings_form(
        request, "notifications", save, values={}, context={"rows": rows, "channels": list(CHANNELS.values())}
    )


def _channel_rows(current: Mapping[str, Channels]) -> list[dict[str, Any]]:
    """A row with a checkbox for each channel, for each type of notification."""
    return [
        {
            "label": label,
            "cells": [
                {
                    "name": f"{type_}.{channel}",
                    "channel": CHANNELS[channel],
                    "checked": checked,
                    "fixed": type_ in WITH_STATEMENT and channel == "in_app",
                }
                for channel, checked in asdict(current[type_]).items()
            ],
        }
        for type_, label in TYPES.items()
    ]


# ── Privacy ──────────────────────────────────────────────────────────────────────────────────────────────
@require_form_methods
@page(members_only=True)
def privacy(request: HttpRequest) -> HttpResponse:
    """Whether the account is private and may be found; the numbers of blocked and muted people."""
    member = get_member(request)

    def save() -> None:
        chosen = {"discoverable": "discoverable" in request.POST}
        _update(member, {"is_private": "is_private" in request.POST, "settings": chosen})

    return settings_form(
        request,
        "privacy",
        save,
        values={
            "is_private": member.is_private,
            "discoverable": (DEFAULT_SETTINGS | member.settings)["discoverable"],
        },
        context={
            "blocked": visibility.blocked_by(member.pk).count(),
            "muted": visibility.muted_by(member.pk).count(),
        },
    )


@dataclass(frozen=True)
class Restriction:
    """Blocking or muting, as a list of the people concerned. `undo`: the action that releases one."""

    title: Any
    empty: Any
    undo: str
    undo_label: Any
    list_for: Callable[[UUID], QuerySet[Any]]
    serializer_class: Any


RESTRICTIONS = {
    "blocked": Restriction(
        gettext_lazy("Blocked people"),
        gettext_lazy("You have blocked nobody."),
        "unblock",
        gettext_lazy("Unblock"),
        visibility.blocked_by,
        BlockedUserSerializer,
    ),
    "muted": Restriction(
        gettext_lazy("Muted people"),
        gettext_lazy("You have muted nobody."),
        "unmute",
        gettext_lazy("Unmute"),
        visibility.muted_by,
        MutedUserSerializer,
    ),
}


@require_safe
@page(members_only=True)
def restricted_people(request: HttpRequest, kind: str) -> HttpResponse:
    """The people whom the current user has blocked or muted, newest first."""
    restriction = RESTRICTIONS[kind]
    return settings_list(
        request,
        "privacy",
        "people",
        restriction.list_for(member_id(request)),
        lambda rows: restriction.serializer_class(rows, many=True).data,
        template="restricted",
        scope={"kind": kind},
        context={"restriction": restriction},
    )


# ── Moderation ───────────────────────────────────────────────────────────────────────────────────────────
@require_safe
@page(members_only=True)
def moderation(request: HttpRequest) -> HttpResponse:
    """The decisions of moderators that affected the current user, newest first, and a link to their reports."""
    return settings_list(
        request,
        "moderation",
        "decisions",
        ModerationAction.objects.for_affected(member_id(request)),
        lambda rows: [serialize_decision(row) for row in rows],
        template="moderation",
    )


# ── Data export, deletion ────────────────────────────────────────────────────────────────────────────────
@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def export(request: HttpRequest) -> HttpResponse:
    """The state of the data export with its link, and a form to request one."""
    member = get_member(request)

    def save() -> None:
        session_id = sessions.session_id_of(request)
        services.request_export(member, password=_checked_password(request), session_id=session_id)

    latest = exports.latest(member.pk)
    unfinished = {DataExport.Status.PENDING, DataExport.Status.PROCESSING}
    return settings_form(
        request,
        "export",
        save,
        values={},
        secrets=["password"],
        places={WrongPassword.code: "password"},
        saved=_("We are making the archive. A mail tells you when it is ready."),
        context={
            "export": DataExportSerializer(latest).data if latest else None,
            "in_progress": latest is not None and latest.status in unfinished,
            "hours": int(settings.EXPORT_LIFETIME.total_seconds() // 3600),
        },
    )


def _checked_password(request: HttpRequest) -> str:
    """The password of a form, after its attempt is counted."""
    password: str = read_form(request, PasswordSerializer, fields=["password"])["password"]
    limits.require("password", str(member_id(request)))
    return password


@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def deactivate(request: HttpRequest) -> HttpResponse:
    """Hide the account until the member signs in again, and sign out everywhere."""
    message = _("Your account is hidden. Sign in whenever you want to come back.")
    return _leaving_form(request, services.deactivate, "deactivate", section_context("account"), message)


@sensitive_post_parameters()
@require_form_methods
@page(members_only=True)
def delete(request: HttpRequest) -> HttpResponse:
    """Delete the account after a grace period, and sign out everywhere."""
    day = date_format(timezone.localtime() + settings.ERASURE_GRACE, "DATE_FORMAT")
    message = _("Your account is hidden and will be deleted on %(day)s. Sign in before then to keep it.")
    context = section_context("delete") | {"days": settings.ERASURE_GRACE.days}
    return _leaving_form(request, services.leave, "delete", context, message % {"day": day})


def _leaving_form(
    request: HttpRequest, leave: Callable[..., Any], template: str, context: dict[str, Any], message: str
) -> HttpResponse:
    """The page that asks for the password before `leave` hides the account and ends its sessions."""

    def leave_and_sign_out() -> HttpResponse:
        password, session_id = _checked_password(request), sessions.session_id_of(request)
        leave(get_member(request), password=password, session_id=session_id)
        messages.success(request, message)
        response = redirect("web:home")
        sessions.delete_cookie(response)
        return response

    return form_page(
        request,
        f"web/settings/{template}.html",
        leave_and_sign_out,
        values={},
        secrets=["password"],
        places={WrongPassword.code: "password"},
        context=context,
    )


@require_safe
def export_url(request: HttpRequest) -> HttpResponse:
    """The link in the mail that announces an archive."""
    return redirect("web:settings_export")
