"""Handles: ASCII, 3 to 30 characters, not similar to a reserved handle.

Look-alikes are compared by a skeleton in the manner of Unicode Technical Standard 39: since handles are ASCII, the
table only needs the ASCII characters that look like another one.
"""

import re
from pathlib import Path

from django.utils.translation import gettext_lazy as _

from apps.core.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 3, 30
_WELL_FORMED = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)*")
_LOOKALIKES = str.maketrans({"0": "o", "1": "l", "i": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b"})


def skeleton(handle: str) -> str:
    """The handle without separators, with look-alike characters replaced: `rn` by `m`, `vv` by `w`, `0` by `o`."""
    bare = re.sub(r"[._]", "", handle.lower()).translate(_LOOKALIKES)
    return bare.replace("rn", "m").replace("vv", "w")


def words(handle: str) -> str:
    """The handle itself, which may be a domain, and the words in it."""
    return f"{handle} {re.sub('[._]', ' ', handle)}"


RESERVED = frozenset((Path(__file__).parent / "data" / "reserved_handles.txt").read_text().split())
_RESERVED_SKELETONS = frozenset(map(skeleton, RESERVED))


def normalise(typed: str) -> str:
    """The handle in the form in which it is stored. Raises Invalid, naming the field."""
    handle = typed.removeprefix("@").lower() if typed.isascii() else typed
    if not MIN_LENGTH <= len(handle) <= MAX_LENGTH:
        length = _("{shortest} to {longest} characters.").format(shortest=MIN_LENGTH, longest=MAX_LENGTH)
        raise Invalid(handle=("invalid_length", length))
    if not _WELL_FORMED.fullmatch(handle):
        raise Invalid(handle=("invalid", _("Letters a-z, digits, _ and single dots inside.")))
    if skeleton(handle) in _RESERVED_SKELETONS:
        raise Invalid(handle=("reserved", _("That handle is reserved.")))
    return handle
