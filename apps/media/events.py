"""Domain events of media."""

from apps.core.events import DomainEvent

media_ready = DomainEvent("media_ready", "media_id")
media_failed = DomainEvent("media_failed", "media_id")
