"""What one is told, and how one wants to be told."""

from dataclasses import asdict
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from apps.core.api.fields import Body, StrictBoolean, TokenField
from apps.core.api.pagination import Window, page, rows_of
from apps.core.api.responses import Response
from apps.core.api.schema import documented
from apps.core.api.views import Endpoint
from apps.core.errors import Invalid, NotFound
from apps.notifications import preferences, push, services
from apps.notifications.api import schemas
from apps.notifications.api.cards import notification_cards, notification_rows, subscription_card
from apps.notifications.models import Notification, PushSubscription, Type
from apps.notifications.preferences import Channels
from apps.notifications.querysets import unread_count


class ReadAll(Body):
    """Everything, or `up_to` a notification and what comes after it in the list."""

    up_to = serializers.UUIDField(required=False)


class ChannelsBody(Body):
    in_app = StrictBoolean()
    push = StrictBoolean()
    email = StrictBoolean()


class PreferencesBody(Body):
    follow = ChannelsBody(required=False)
    follow_request = ChannelsBody(required=False)
    follow_accepted = ChannelsBody(required=False)
    like = ChannelsBody(required=False)
    comment = ChannelsBody(required=False)
    reply = ChannelsBody(required=False)
    mention = ChannelsBody(required=False)
    comment_like = ChannelsBody(required=False)
    moderation = ChannelsBody(required=False)


class PushKeys(Body):
    p256dh = serializers.RegexField(r"^[A-Za-z0-9_-]{87,88}=?$", max_length=100)
    auth = serializers.RegexField(r"^[A-Za-z0-9_-]{22}={0,2}$", max_length=30)


class Subscribe(Body):
    """As a browser's `PushSubscription.toJSON()` gives it."""

    endpoint = TokenField(max_length=500)
    keys = PushKeys()
    expirationTime = serializers.IntegerField(required=False, allow_null=True)


class NotificationEndpoint(Endpoint):
    bodies = {"read_all": ReadAll}

    @documented(
        summary="What one is told, latest first",
        page_of=schemas.Notification,
        errors=[Invalid],
        parameters=[
            OpenApiParameter("unread", str, enum=["true", "false"], description="`true`: only unread ones."),
            OpenApiParameter("type", str, enum=Type.values, description="Only of this type."),
        ],
    )
    def list(self, request: Request) -> Response:
        unread, type_ = self._filters(request)
        window = Window.of(request, "notifications", unread=unread, type=type_)
        rows = notification_rows(self.caller_id, unread=unread, type_=type_, **rows_of(window))
        return Response(page(rows, window, position=lambda row: [row[1]], cards=notification_cards))

    @staticmethod
    def _filters(request: Request) -> tuple[bool, str | None]:
        asked = request.query_params
        unread, type_ = asked.get("unread", "false"), asked.get("type")
        if unread not in {"true", "false"}:
            raise Invalid(unread=("invalid_choice", "true or false."))
        if type_ is not None and type_ not in Type.values:
            raise Invalid(type=("invalid_choice", "No such type."))
        return unread == "true", type_

    @documented(summary="Mark one as read", responses={200: schemas.Notification})
    def read(self, request: Request, notification_id: UUID) -> Response:
        services.read(self._find(notification_id))
        shown = notification_rows(self.caller_id, one=notification_id)
        if not shown:
            raise NotFound
        return Response(notification_cards(shown)[0])

    @documented(
        summary="Mark all, or those up to one, as read",
        request=ReadAll,
        responses={200: schemas.Unread},
        errors=[NotFound],
    )
    def read_all(self, request: Request) -> Response:
        up_to = self.body(request).get("up_to")
        services.read_all(self.caller_id, up_to=self._find(up_to) if up_to else None)
        return Response({"unread": unread_count(self.caller_id)})

    @documented(summary="How many are unread", responses={200: schemas.Unread})
    def unread_count(self, request: Request) -> Response:
        return Response({"unread": unread_count(self.caller_id)})

    def _find(self, notification_id: UUID) -> Notification:
        found = Notification.objects.shown_to(self.caller_id).filter(pk=notification_id).first()
        if found is None:
            raise NotFound
        return found


class PreferenceEndpoint(Endpoint):
    bodies = {"update": PreferencesBody}

    @documented(summary="By which channels one is told of what", responses={200: schemas.NotificationPreferences})
    def retrieve(self, request: Request) -> Response:
        return Response({type_: asdict(channels) for type_, channels in preferences.of(self.caller_id).items()})

    @documented(
        summary="Choose channels; types that are not named stay as they are",
        request=PreferencesBody,
        responses={200: schemas.NotificationPreferences},
    )
    def update(self, request: Request) -> Response:
        wishes = {type_: Channels(**channels) for type_, channels in self.body(request).items()}
        preferences.choose(self.caller_id, wishes)
        return self.retrieve(request)


class PushEndpoint(Endpoint):
    bodies = {"create": Subscribe}

    @documented(summary="The devices that take push messages", responses={200: schemas.PushSubscriptions})
    def list(self, request: Request) -> Response:
        rows = PushSubscription.objects.filter(user=self.caller_id).order_by("-id")
        listed = {"results": [subscription_card(row) for row in rows], "next_cursor": None}
        return Response(listed | {"vapid_public_key": push.public_key()})

    @documented(
        summary="Take push messages on this device; again is the same subscription",
        request=Subscribe,
        responses={200: schemas.PushSubscription, 201: schemas.PushSubscription},
        errors=[services.TooManySubscriptions],
    )
    def create(self, request: Request) -> Response:
        body = self.body(request)
        made, new = services.subscribe(self.caller_id, endpoint=body["endpoint"], **body["keys"])
        return Response(subscription_card(made), status=201 if new else 200)

    @documented(summary="No more push messages there", responses={204: None})
    def destroy(self, request: Request, subscription_id: UUID) -> Response:
        if not PushSubscription.objects.filter(pk=subscription_id, user=self.caller_id).delete()[0]:
            raise NotFound
        return Response(status=204)
