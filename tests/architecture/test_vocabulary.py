"""Words that must not come back: standard terms exist for them (see CONTRIBUTING.md)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BANNED = [
    *("deed", "doorbell", "doomed", "rung", "ring_at", "ring_again", "sieve", "courtesy"),
    *("oneself", "whoever", "whomever", "in vain"),
]
PLACES = ["apps", "config", "demo", "devstack", "docs", "templates", "README.md", "CHANGELOG.md"]
SUFFIXES = {".css", ".html", ".js", ".json", ".md", ".py", ".sh", ".sql", ".toml", ".txt", ".yaml", ".yml"}
# Names that the previous release knows: columns, tasks, options. Each is removed together with its last user.
FORMER_NAMES = [
    'db_column="ring_at"',
    '"apps.media.tasks.delete_doomed_objects"',
    '"apps.media.tasks.ring_again"',
    '"apps.notifications.tasks.ring_again"',
    '"doomed": "pending"',
]
# What is left: {file: number of words}. Nothing may be added. The first is the text of a former standard reason, which
# statements of reasons still contain.
REMAINING: dict[str, int] = {"apps/moderation/cases/policies.py": 1}

_WORD_BOUNDARY_IN_CAMEL_CASE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BANNED = re.compile(rf"(?<![a-zà-ÿ])(?:{'|'.join(map(re.escape, BANNED))})s?(?![a-z])", re.IGNORECASE)
_CODE_SPAN = re.compile(r"`[^`\n]+`")


def banned_words(text: str) -> list[str]:
    for name in FORMER_NAMES:
        text = text.replace(name, "")
    return _BANNED.findall(_WORD_BOUNDARY_IN_CAMEL_CASE.sub(" ", text))


def files() -> Iterator[Path]:
    for place in PLACES:
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*")):
            # Migrations hold the names that the database had, node_modules the packages of a TypeScript example.
            if file.suffix in SUFFIXES and not {"migrations", "node_modules"} & {*file.parts}:
                yield file


def read(file: Path) -> str:
    text = file.read_text()
    # The changelog quotes former names.
    return _CODE_SPAN.sub("", text) if file.name == "CHANGELOG.md" else text


def test_no_file_contains_more_banned_words_than_before() -> None:
    found = {str(file.relative_to(ROOT)): banned_words(read(file)) for file in files()}
    more = {name: words for name, words in found.items() if len(words) > REMAINING.get(name, 0)}
    assert more == {}


@pytest.mark.parametrize(
    "text", ["a deed", "Deeds of", "make_deed()", "ring_at", "DoomedObject", "waited in vain", "Whoever"]
)
def test_banned_word_is_found_in_text_and_in_names(text: str) -> None:
    assert len(banned_words(text)) == 1


@pytest.mark.parametrize("text", ["indeed", "string_attribute", "ring_attached", "wrung", "invain"])
def test_part_of_another_word_is_accepted(text: str) -> None:
    assert banned_words(text) == []
