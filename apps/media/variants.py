"""The sizes in which photos are shown, and the shape of `Media.variants`. Does not import Django, because the image
sandbox loads this module too."""

# Name → longest side in pixels, largest first.
SIDES = {"large": 2048, "medium": 1080, "thumb": 320}
# Content type → suffix of the files.
SUFFIXES = {"image/webp": "webp", "image/jpeg": "jpg"}
CONTENT_TYPES = list(SUFFIXES)
MAX_NUMBER = 2**31


def is_well_formed(variant: object) -> bool:
    """Whether an entry of the column is {name, content_type, width, height, bytes} with possible values."""
    return (
        isinstance(variant, dict)
        and variant.get("name") in list(SIDES)
        and variant.get("content_type") in CONTENT_TYPES
        and all(is_number(variant.get(name)) for name in ("width", "height", "bytes"))
    )


def is_number(value: object) -> bool:
    """An int and no bool, which is a kind of int."""
    return type(value) is int and 0 < value < MAX_NUMBER
