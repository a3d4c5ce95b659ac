"""The message catalogues in `locale`: what Babel extracts from templates, and what is not translated.

`make messages` runs `pybabel` with the mappings in pyproject.toml, and then this module.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po
from django.utils.translation import templatize

FOLDER = Path("locale")
DOMAIN = "django"


def extract_template(
    file: io.BufferedIOBase, keywords: Any, comment_tags: Any, options: Any
) -> Iterator[tuple[int, str, Any, list[str]]]:
    """Babel's extraction method for Django templates. `templatize` makes calls of gettext of the tags."""
    source = templatize(file.read().decode(), origin=getattr(file, "name", None))
    # What is left of the template is no Python that could be indented.
    lines = "\n".join(line.strip() for line in source.split("\n"))
    yield from extract_python(io.BytesIO(lines.encode()), keywords, comment_tags, {"encoding": "utf-8"})


def read_catalogues(folder: Path = FOLDER) -> dict[str, Catalog]:
    """The catalogues by language."""
    found = {}
    for path in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        with path.open("rb") as file:
            found[path.parts[-3]] = read_po(file, locale=path.parts[-3])
    return found


def list_untranslated(catalogue: Catalog) -> list[str]:
    """The messages without a translation in every plural form, and those whose translation is fuzzy."""
    return [
        " / ".join([message.id] if isinstance(message.id, str) else message.id)
        for message in catalogue
        if message.id and (message.fuzzy or not _is_translated(message.string))
    ]


def _is_translated(string: Any) -> bool:
    return all([string] if isinstance(string, str) else string)


def main() -> int:
    """Print what is not translated. Returns the number of these messages, at most 1."""
    untranslated = {language: list_untranslated(found) for language, found in read_catalogues().items()}
    for language, messages in untranslated.items():
        print(f"{language}: {len(messages)} to translate")
        for message in messages:
            print(f"  {message!r}")
    return int(any(untranslated.values()))


if __name__ == "__main__":
    sys.exit(main())
