"""The former name, until apps/content uses `apps.media.api.serializers`."""

from apps.media.api.serializers import MediaSerializer as Media

__all__ = ["Media"]
