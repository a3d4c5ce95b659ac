"""The message catalogues in `locale`: `make messages` extracts, updates and compiles them with Babel.

GNU gettext is not needed. A new text goes into the catalogues untranslated; the command lists these, and a test fails
until they are translated. See docs/languages.md.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.frontend import CommandLineInterface
from babel.messages.pofile import read_po
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "locale"
DOMAIN = "django"
# The functions of Django that Babel does not know: which arguments are messages, and which is a context (c).
KEYWORDS = "gettext_lazy gettext_noop ngettext_lazy:1,2 pgettext_lazy:1c,2 npgettext_lazy:1c,2,3"


def extract_template(file: io.BufferedIOBase, keywords: Any, comment_tags: Any, options: Any) -> Iterator[Any]:
    """Babel's extraction method for Django templates, named in pyproject.toml."""
    # Django makes calls of gettext of the tags, for xgettext. The rest is no Python that could be indented.
    source = templatize(file.read().decode(), origin=getattr(file, "name", None))
    lines = "\n".join(line.strip() for line in source.split("\n"))
    yield from extract_python(io.BytesIO(lines.encode()), keywords, comment_tags, {"encoding": "utf-8"})


def extract(template: Path) -> None:
    """Write all marked messages to `template`, a .pot file, with paths below the current directory: the checkout."""
    options = f"--mapping-file {ROOT / 'pyproject.toml'} --add-location file --sort-by-file --width 120"
    _babel("extract", *options.split(), "--keywords", KEYWORDS, "--output-file", str(template), ".")


def update(template: Path) -> None:
    """Add the messages of `template` to all catalogues, and remove those that it does not contain."""
    options = "--no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date --width 120"
    names = ("--domain", DOMAIN, "--input-file", str(template), "--output-dir", str(FOLDER))
    _babel("update", *options.split(), *names)


def compile_catalogues() -> None:
    """Write the .mo files, which Django reads."""
    _babel("compile", "--domain", DOMAIN, "--directory", str(FOLDER))


def _babel(*arguments: str) -> None:
    CommandLineInterface().run(["pybabel", "--quiet", *arguments])  # type: ignore[no-untyped-call]


def read_catalogues() -> dict[str, Catalog]:
    """The catalogues by language."""
    found = {}
    for path in sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po")):
        language = path.parts[-3]
        with path.open("rb") as file:
            found[language] = read_po(file, locale=language)
    return found


def list_untranslated(catalogue: Catalog) -> list[str]:
    """The messages that lack a translation or the translation of a plural form, or whose translation is fuzzy."""
    return [
        " / ".join([message.id] if isinstance(message.id, str) else message.id)
        for message in catalogue
        if message.id and (message.fuzzy or not _is_translated(message.string))
    ]


def _is_translated(string: Any) -> bool:
    return all([string] if isinstance(string, str) else string)


def main() -> int:
    """Returns 1 if a message is not translated."""
    template = ROOT / ".state" / "messages.pot"
    template.parent.mkdir(exist_ok=True)
    extract(template)
    update(template)
    compile_catalogues()
    untranslated = {language: list_untranslated(found) for language, found in read_catalogues().items()}
    for language, messages in untranslated.items():
        print(f"{language}: {len(messages)} to translate")
        for message in messages:
            print(f"  {message!r}")
    return int(any(untranslated.values()))


if __name__ == "__main__":
    sys.exit(main())
