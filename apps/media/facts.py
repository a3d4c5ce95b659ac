"""What media announce."""

from apps.core.facts import Fact

media_ready = Fact("media_ready", "media_id")
media_failed = Fact("media_failed", "media_id")
