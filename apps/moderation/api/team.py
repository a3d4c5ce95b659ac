"""For moderators: notes about accounts, rules about hashtags, and how moderators learn of new reports."""

from typing import Any, cast
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.api.serializers import UserSummarySerializer
from apps.accounts.models import User
from apps.content.models import Tag
from apps.content.querysets import TagQuerySet
from apps.core.api.fields import StrictBoolean, TextField
from apps.core.api.schema import documented, example
from apps.core.api.serializers import StrictSerializer
from apps.core.api.views import BaseViewSet
from apps.core.errors import Invalid
from apps.moderation import notes, preferences, tags
from apps.moderation.api.permissions import IsModerator
from apps.moderation.api.views import DECISION_ERRORS, MODERATORS_ONLY, get_any_user_or_404
from apps.moderation.models import Digest, TeamNote
from apps.moderation.querysets import TeamNoteQuerySet


# ── Notes ────────────────────────────────────────────────────────────────────────────────────────────────
@example({"text": "Third account of the same person, says the author of the reports."})
class WriteNoteSerializer(StrictSerializer):
    text = TextField(max_length=2000, help_text="Only moderators see it. The account's data export contains it.")


@example({"text": "Third account of the same person, says the author of the reports."})
class TeamNoteSerializer(serializers.Serializer[TeamNote]):
    id = serializers.UUIDField()
    author = UserSummarySerializer(allow_null=True, help_text="null: an account that was deleted.")
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


@extend_schema(tags=["Moderation"])
class UserNoteViewSet(BaseViewSet):
    permission_classes = [IsModerator]

    def get_serializer_class(self) -> Any:
        return WriteNoteSerializer if self.action == "create" else TeamNoteSerializer

    def get_queryset(self) -> TeamNoteQuerySet:
        person = get_any_user_or_404(self.request, self.kwargs["user"])
        rows: TeamNoteQuerySet = TeamNote.objects.about(person.pk, reader_id=self.caller_id)
        return rows.with_author()

    @documented(
        operation_id="listTeamNotes",
        summary="List the team notes about a user",
        description="Newest first. Moderators do not see those about themselves.",
        page_of=TeamNoteSerializer,
        errors=MODERATORS_ONLY,
    )
    def list(self, request: Request, user: str) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="createTeamNote",
        summary="Create a team note about a user",
        responses={201: TeamNoteSerializer},
        errors=DECISION_ERRORS,
    )
    def create(self, request: Request, user: str) -> Response:
        person = get_any_user_or_404(request, user)
        note = notes.add(person, by=cast(User, request.user), **self.get_validated_data())
        return Response(TeamNoteSerializer(note).data, status=201)


@extend_schema(tags=["Moderation"])
class NoteViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    lookup_url_kwarg = "note_id"
    lookup_value_converter = "uuid"

    def get_queryset(self) -> TeamNoteQuerySet:
        return TeamNote.objects.readable_by(self.caller_id)

    @documented(
        operation_id="deleteTeamNote",
        summary="Delete a team note",
        description="Its author may, senior moderators and admins.",
        responses={204: None},
        errors=[*DECISION_ERRORS, notes.NotYourNote],
    )
    def destroy(self, request: Request, note_id: UUID) -> Response:
        notes.delete(self.get_object(), by=cast(User, request.user))
        return Response(status=204)


# ── Hashtags ─────────────────────────────────────────────────────────────────────────────────────────────
@example({"name": "husum", "hidden": True, "sensitive": False})
class RestrictedTagSerializer(serializers.Serializer[Tag]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    hidden = serializers.BooleanField(help_text="Not in search, and its posts are not in explore.")
    sensitive = serializers.BooleanField(help_text="Its posts are sensitive.")


@example({"hidden": True, "reason": "It is used to sell drugs."})
class RestrictTagSerializer(StrictSerializer):
    hidden = StrictBoolean(required=False)
    sensitive = StrictBoolean(required=False)
    reason = TextField(max_length=1000, help_text="Recorded in the audit.")


@extend_schema(tags=["Moderation"])
class TagModerationViewSet(BaseViewSet):
    permission_classes = [IsModerator]
    lookup_url_kwarg = "tag"
    lookup_value_converter = "str"

    def get_serializer_class(self) -> Any:
        return RestrictTagSerializer if self.action == "partial_update" else RestrictedTagSerializer

    def get_queryset(self) -> TagQuerySet:
        restricted: TagQuerySet = Tag.objects.restricted()
        return restricted

    @documented(
        operation_id="listRestrictedTags",
        summary="List the hidden and the sensitive hashtags",
        page_of=RestrictedTagSerializer,
        errors=MODERATORS_ONLY,
    )
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    @documented(
        operation_id="changeTag",
        summary="Hide a hashtag, or mark it as sensitive",
        description="Fields that are left out keep their values. Posts of the tag follow within minutes. A tag that no "
        "post has yet is created.",
        responses={200: RestrictedTagSerializer},
        errors=[*MODERATORS_ONLY, Invalid],
    )
    def partial_update(self, request: Request, tag: str) -> Response:
        restricted = tags.restrict(tag, by=cast(User, request.user), **self.get_validated_data())
        return Response(RestrictedTagSerializer(restricted).data)


# ── Digests ──────────────────────────────────────────────────────────────────────────────────────────────
@example({"frequency": "daily", "reports": True, "appeals": True})
class DigestSerializer(serializers.Serializer[Digest]):
    frequency = serializers.ChoiceField(choices=Digest.Frequency.values)
    reports = serializers.BooleanField(help_text="The mails announce new reports.")
    appeals = serializers.BooleanField(help_text="The mails announce new appeals.")


@example({"frequency": "hourly"})
class ConfigureDigestSerializer(StrictSerializer):
    frequency = serializers.ChoiceField(choices=Digest.Frequency.values, required=False)
    reports = StrictBoolean(required=False)
    appeals = StrictBoolean(required=False)


@extend_schema(tags=["Moderation"])
class DigestViewSet(BaseViewSet):
    """The setting of the calling moderator."""

    permission_classes = [IsModerator]

    def get_serializer_class(self) -> Any:
        return ConfigureDigestSerializer if self.action == "partial_update" else DigestSerializer

    @documented(
        operation_id="getModerationDigest",
        summary="Get the digest of a moderator",
        description="How the caller learns of new reports and appeals.",
        responses={200: DigestSerializer},
        errors=MODERATORS_ONLY,
    )
    def retrieve(self, request: Request) -> Response:
        return Response(DigestSerializer(preferences.get_digest(cast(User, request.user))).data)

    @documented(
        operation_id="changeModerationDigest",
        summary="Change the digest of a moderator",
        description="How the caller learns of new reports and appeals. Fields that are left out keep their values. The "
        "mails contain no content.",
        responses={200: DigestSerializer},
        errors=MODERATORS_ONLY,
    )
    def partial_update(self, request: Request) -> Response:
        digest = preferences.configure_digest(cast(User, request.user), **self.get_validated_data())
        return Response(DigestSerializer(digest).data)
