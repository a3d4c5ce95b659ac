"""Whom an operator means, and what is held on them."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError


def person(who: str) -> Any:
    """By @handle, e-mail address or id. Raises CommandError."""
    user = get_user_model().objects.named(who).first()
    if user is None:
        raise CommandError(f"There is no user {who}.")
    return user


def held_in_words(handle: str, held: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """What `contexts.tally` has counted."""
    yield f"Held on @{handle}:"
    for context, kinds in held.items():
        yield f"  {context:<14} {', '.join(f'{number} {kind}' for kind, number in sorted(kinds.items()))}"
