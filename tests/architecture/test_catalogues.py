"""Every text that a member sees is marked for translation, and translated in every language."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils.functional import Promise

from apps.core.errors import DomainError
from devstack import messages

# All in one worker, which extracts the messages once.
pytestmark = pytest.mark.xdist_group("catalogues")
ROOT = Path(__file__).resolve().parents[2]
# The source texts are English.
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]
CATALOGUES = messages.read_catalogues()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    """All messages that are marked in the source."""
    path = tmp_path_factory.mktemp("messages") / "messages.pot"
    messages.extract(path)
    with path.open("rb") as file:
        return read_po(file)


def ids_of(catalogue: Catalog) -> set[Any]:
    return {(message.context, message.id) for message in catalogue if message.id}


def strings_of(catalogue: Catalog) -> dict[str, Any]:
    """{message: translations}; `read_mo` returns lists of plural forms, and `read_po` tuples."""
    return {repr((each.context, list(each.id))): list(each.string) for each in catalogue if each.id}


def test_catalogues_are_those_of_the_languages_of_the_site():
    assert sorted(CATALOGUES) == sorted(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_message_is_in_the_catalogue_and_translated(language, template):
    """If this fails: run `make messages`, and translate what it lists."""
    catalogue = CATALOGUES[language]
    assert ids_of(template) - ids_of(catalogue) == set(), "run make messages"
    assert ids_of(catalogue) - ids_of(template) == set(), "run make messages"
    assert messages.list_untranslated(catalogue) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_has_the_same_translations(language):
    """If this fails: run `make messages`."""
    path = messages.FOLDER / language / "LC_MESSAGES" / "django.mo"
    with path.open("rb") as file:
        assert strings_of(read_mo(file)) == strings_of(CATALOGUES[language])


_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%%|\{\w*\}|</?\w[^>]*>|https?://\w[\w./]*")


def placeholders(text: str) -> list[str]:
    return sorted(_PLACEHOLDER.findall(text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_placeholders_and_tags_of_the_message(language):
    wrong = {}
    for message in CATALOGUES[language]:
        originals = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        allowed = [placeholders(original) for original in originals]
        if message.id and not all(placeholders(string) in allowed for string in strings):
            wrong[message.id] = strings
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_white_space_at_the_ends_and_full_stops(language):
    """What is shown in a row of sentences, or is part of one."""
    wrong = {}
    for message in CATALOGUES[language]:
        if message.id:
            original = message.id if isinstance(message.id, str) else message.id[-1]
            string = message.string if isinstance(message.string, str) else message.string[-1]
            if (original.strip() != original) != (string.strip() != string) or (
                original.endswith(".") != string.endswith(".")
            ):
                wrong[original] = string
    assert wrong == {}


# Straight quotes, quotes of another language, missing no-break spaces, and another form of address.
_WRONG = {
    "de": r"['\"«»]|\bIhnen\b",
    "fr": r"['\"“”„]|(?<!\u00a0)[;?!»]|(?<![\u00a0\d]):(?!//)|«(?!\u00a0)|\b(tu|toi|ton|tes)\b",
    "es": r"['\"“”„]|\busted(es)?\b",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_have_the_typography_and_form_of_address_of_the_language(language):
    wrong = [
        string
        for message in CATALOGUES[language]
        if message.id
        for string in ([message.string] if isinstance(message.string, str) else message.string)
        if re.search(_WRONG[language], re.sub(r"<[^>]*>", "", string))
    ]
    assert wrong == []


def test_templates_leave_the_colon_after_a_text_to_its_translation():
    """French has a space before it."""
    templates = [path for path in (ROOT / "templates").rglob("*") if path.is_file() and "console" not in path.parts]
    wrong = [path.name for path in templates if re.search(r"translate [^%]*%}\s*:", path.read_text())]
    assert wrong == []


# ── Marks ────────────────────────────────────────────────────────────────────────────────────────────────
def subclasses(parent: type[DomainError]) -> set[type[DomainError]]:
    return {parent}.union(*(subclasses(child) for child in parent.__subclasses__()))


ERRORS = {error for error in subclasses(DomainError) if error.__module__.startswith("apps.")}


def test_titles_of_domain_errors_use_gettext_lazy():
    assert [error.__qualname__ for error in ERRORS if not isinstance(error.title, Promise)] == []


# The console is English.
_ENGLISH = re.compile(
    r"/(admin|migrations|management)/|/admin\.py|^console/|/api/console|^site/(colours|logos|services)\.py"
)
MODULES = [path for path in (ROOT / "apps").rglob("*.py") if not _ENGLISH.search(str(path.relative_to(ROOT / "apps")))]
_REFUSALS = {error.__name__ for error in ERRORS} | {"ValidationError"}


def unmarked(path: Path) -> list[str]:
    """The texts of errors for clients, in calls and in the messages of fields, which are not in gettext."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).endswith("error_messages"):
            found += [ast.unparse(text) for text in texts(node.value)]
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _REFUSALS:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords if keyword.arg != "code")]:
                found += [ast.unparse(text) for text in texts(argument) if " " in ast.unparse(text)]
    return found


def texts(node: ast.AST) -> list[ast.AST]:
    """The strings in an expression that are not arguments of a call."""
    if isinstance(node, ast.Call):
        return []
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        return [node]
    keys = set(map(id, node.keys)) if isinstance(node, ast.Dict) else set()
    return [text for child in ast.iter_child_nodes(node) if id(child) not in keys for text in texts(child)]


def test_errors_for_clients_use_gettext():
    found = {str(path.relative_to(ROOT)): unmarked(path) for path in MODULES}
    assert {path: texts for path, texts in found.items() if texts} == {}
