"""Notifications, preferences and Web Push subscriptions of the current user."""

from dataclasses import asdict
from typing import Any, cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.tokens import AccessToken
from apps.core.api.schema import documented
from apps.core.api.views import BaseViewSet
from apps.core.errors import NotFound
from apps.notifications import preferences, push, reads, services
from apps.notifications.api import serializers
from apps.notifications.api.filters import NotificationFilter
from apps.notifications.models import Notification, PushSubscription
from apps.notifications.preferences import Channels


@extend_schema(tags=["Notifications"])
class NotificationViewSet(BaseViewSet):
    serializer_class = serializers.NotificationSerializer
    filterset_class = NotificationFilter
    queryset = Notification.objects.none()
    lookup_url_kwarg = "notification_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[Notification]:
        return Notification.objects.listed_for(self.caller_id)

    @documented(
        operation_id="listNotifications", summary="List notifications", page_of=serializers.NotificationSerializer
    )
    def list(self, request: Request) -> Response:
        filters = self.get_filter_values()
        unread, type_ = filters["unread"] is True, filters["type"] or None
        return self.paginate(
            lambda after, limit: reads.list_notifications(
                self.caller_id, unread=unread, type_=type_, after=after, limit=limit
            ),
            position=lambda row: row.latest,
            serialize=self._serialize,
        )

    @documented(
        operation_id="markNotificationAsRead",
        summary="Mark a notification as read",
        responses={200: serializers.NotificationSerializer},
    )
    @action(detail=True, methods=["post"])
    def read(self, request: Request, notification_id: str) -> Response:
        notification = self.get_object()
        services.read(notification)
        row = reads.get_notification(self.caller_id, notification.pk)
        return Response(self._serialize([row])[0])

    @documented(
        operation_id="markNotificationsAsRead",
        summary="Mark notifications as read",
        description="All, or `up_to` and those after it in the list.",
        responses={200: serializers.UnreadSerializer},
        errors=[NotFound],
    )
    @action(detail=False, methods=["post"], url_path="read", serializer_class=serializers.ReadAllSerializer)
    def read_all(self, request: Request) -> Response:
        up_to = self.get_validated_data().get("up_to")
        services.read_all(self.caller_id, up_to=up_to)
        return Response({"unread": reads.count_unread(self.caller_id)})

    @documented(
        operation_id="countUnreadNotifications",
        summary="Count unread notifications",
        responses={200: serializers.UnreadSerializer},
    )
    @action(detail=False, url_path="unread-count")
    def unread_count(self, request: Request) -> Response:
        return Response({"unread": reads.count_unread(self.caller_id)})

    def _serialize(self, rows: Any) -> Any:
        context = {"actors": reads.get_actors(rows)}
        return serializers.NotificationSerializer(rows, many=True, context=context).data


@extend_schema(tags=["Notifications"])
class PreferenceViewSet(BaseViewSet):
    serializer_class = serializers.PreferencesBodySerializer

    @documented(
        operation_id="getNotificationPreferences",
        summary="Get notification preferences",
        responses={200: serializers.NotificationPreferencesSerializer},
    )
    def retrieve(self, request: Request) -> Response:
        return Response(
            {type_: asdict(channels) for type_, channels in preferences.get_channels(self.caller_id).items()}
        )

    @documented(
        operation_id="updateNotificationPreferences",
        summary="Update notification preferences",
        description="Types that are left out keep their values.",
        responses={200: serializers.NotificationPreferencesSerializer},
    )
    def update(self, request: Request) -> Response:
        changes = {type_: Channels(**channels) for type_, channels in self.get_validated_data().items()}
        preferences.update(self.caller_id, changes)
        return self.retrieve(request)


@extend_schema(tags=["Notifications"])
class PushViewSet(BaseViewSet):
    serializer_class = serializers.SubscribeSerializer
    lookup_url_kwarg = "subscription_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> QuerySet[PushSubscription]:
        return PushSubscription.objects.owned_by(self.caller_id).live()

    @documented(
        operation_id="listPushSubscriptions",
        summary="List push subscriptions",
        responses={200: serializers.PushSubscriptionsSerializer},
    )
    def list(self, request: Request) -> Response:
        rows = list(self.get_queryset().order_by("-id"))
        subscriptions = serializers.PushSubscriptionSerializer(rows, many=True)
        page = {"results": subscriptions.data, "next_cursor": None, "vapid_public_key": push.public_key()}
        return Response(page)

    @documented(
        operation_id="createPushSubscription",
        summary="Subscribe to push messages",
        description="With the result of `PushSubscription.toJSON()`. An endpoint has one subscription, which ends "
        "with the session.",
        responses={200: serializers.PushSubscriptionSerializer, 201: serializers.PushSubscriptionSerializer},
        errors=[services.TooManySubscriptions],
    )
    def create(self, request: Request) -> Response:
        body = self.get_validated_data()
        session_id = cast(AccessToken, request.auth).session_id
        subscription, is_new = services.subscribe(
            self.caller_id, session_id=session_id, endpoint=body["endpoint"], **body["keys"]
        )
        return Response(serializers.PushSubscriptionSerializer(subscription).data, status=201 if is_new else 200)

    @documented(operation_id="deletePushSubscription", summary="Delete a push subscription", responses={204: None})
    def destroy(self, request: Request, subscription_id: str) -> Response:
        services.unsubscribe(self.get_object())
        return Response(status=204)
