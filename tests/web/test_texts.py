"""All texts for members use gettext: those of pages, mails and archives, of views, and of scripts."""

import ast
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted(
    path
    for name in ("web", "mail", "export")
    for path in (ROOT / "templates" / name).rglob("*")
    if path.suffix in {".html", ".txt"}
)
SCRIPTS = [*sorted((ROOT / "static" / "web" / "js").glob("*.js")), ROOT / "templates" / "web" / "sw.js"]
MODULES = sorted((ROOT / "apps" / "web").rglob("*.py"))

# ── Templates ────────────────────────────────────────────────────────────────────────────────────────────
# Texts in gettext, names of classes, other tags and comments.
_MARKED = re.compile(
    r"\{%\s*block layout\s*%\}.*?\{%\s*endblock\s*%\}|"
    r"\{%\s*blocktrans(?:late)?\b.*?\{%\s*endblocktrans(?:late)?\s*%\}|\{#.*?#\}|\{%\s*comment.*?endcomment\s*%\}|"
    r"\{%.*?%\}|\{\{.*?\}\}",
    re.DOTALL,
)
# Attributes that people see or hear.
_SHOWN = {"aria-label", "aria-roledescription", "placeholder", "title", "alt", "label"}
_WORD = re.compile(r"[A-Za-z]{2,}")
_CODE = {"script", "style", "svg", "kbd", "code"}
# Names of the site and of files.
_NAMES = re.compile(r"Photogram|UTC|index\.html|data/|media/|\.json")


class _Texts(HTMLParser):
    """The texts of a template that are not in gettext."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._code = 0
        self.feed(_MARKED.sub("", re.sub(r"<(/?)\{\{.*?\}\}", r"<\1div", source)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._code += tag in _CODE
        for name, value in attrs:
            is_sentence = name.startswith("data-") and " " in (value or "").strip()
            if (name in _SHOWN or is_sentence) and _WORD.search(value or ""):
                self.found.append(f'{name}="{value}"')

    def handle_endtag(self, tag: str) -> None:
        self._code -= tag in _CODE

    def handle_data(self, data: str) -> None:
        if not self._code and _WORD.search(_NAMES.sub("", data)):
            self.found.append(" ".join(data.split()))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_texts_of_templates_use_gettext(path: Path) -> None:
    assert _Texts(path.read_text()).found == []


# ── Scripts ──────────────────────────────────────────────────────────────────────────────────────────────
_COMMENT = re.compile(r"^\s*//.*$|(?<=[;{}),\]])\s+//[^\n]*$", re.MULTILINE)
_STRING = re.compile(r'"([^"\n]*)"|\'([^\'\n]*)\'|`([^`]*)`')
# Two words that begin with a capital letter, or a sentence.
_SENTENCE = re.compile(r"^[A-Z][a-z’']+ [\w’'{}$]+|[a-z]{2,} [a-z]{2,} [a-z]{2,}.*[.!?…]$")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_contain_no_texts(path: Path) -> None:
    """They show those of the page."""
    source = re.sub(r"/\*.*?\*/|\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
    strings = [next(filter(None, found), "") for found in _STRING.findall(_COMMENT.sub("", source))]
    assert [text for text in strings if _SENTENCE.search(text)] == []
    shown = r"(?:textContent|\.title|\.alt|placeholder|innerText|ariaLabel)\s*=\s*[\"'`][^\"'`$]*[A-Za-z]{2,}"
    assert re.findall(shown, source) == []


# ── Views ────────────────────────────────────────────────────────────────────────────────────────────────
_PROPER_NAMES = {"Samsung Internet"}
_GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}


def _name(call: ast.Call) -> str:
    return getattr(call.func, "id", None) or getattr(call.func, "attr", "")


class _Strings(ast.NodeVisitor):
    """The sentences of a module that are not in gettext. Docstrings, and titles of error classes, are left out."""

    def __init__(self, tree: ast.Module) -> None:
        self.found: list[str] = []
        self.visit(tree)

    def visit_Call(self, node: ast.Call) -> None:
        if _name(node) not in _GETTEXT:
            self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for each in node.body:
            if not isinstance(each, ast.Assign):
                self.visit(each)

    def visit_Constant(self, node: ast.Constant) -> None:
        if node.value in _PROPER_NAMES:
            return
        if isinstance(node.value, str) and re.search(r"^[A-Z][a-z’']+ \w+.*\w{2}|\w+ \w+ \w+.*[.!?]$", node.value):
            self.found.append(node.value)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "apps" / "web")))
def test_texts_of_views_use_gettext(path: Path) -> None:
    assert _Strings(ast.parse(path.read_text())).found == []
