"""Names of media types (RFC 9110, 8.3.1). Does not import Django, because the image sandbox loads this module too."""

# Other names that clients use, and the names of sequences, of which only the first image counts.
ALIASES = {
    **dict.fromkeys(("image/jpg", "image/pjpeg", "image/x-jpeg", "image/x-jpg"), "image/jpeg"),
    **dict.fromkeys(("image/x-png", "image/apng", "image/vnd.mozilla.apng"), "image/png"),
    "image/heic-sequence": "image/heic",
    "image/heif-sequence": "image/heif",
}


def media_type(declared: str) -> str:
    """The usual name of the type in lower case, without parameters."""
    name = declared.partition(";")[0].strip().lower()
    return ALIASES.get(name, name)
