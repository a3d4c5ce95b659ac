"""The sizes in which photos are shown."""

# Name → longest side in pixels, largest first.
SIDES = {"large": 2048, "medium": 1080, "thumb": 320}
CONTENT_TYPES = ["image/webp", "image/jpeg"]
