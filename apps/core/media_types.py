"""Names of media types (RFC 9110, 8.3.1). Does not import Django, because the image sandbox loads this module too."""

# Names that clients use for registered types.
ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}


def media_type(declared: str) -> str:
    """The registered name in lower case, without parameters."""
    name = declared.partition(";")[0].strip().lower()
    return ALIASES.get(name, name)
