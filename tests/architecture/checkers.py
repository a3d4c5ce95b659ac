"""Checks of source text that import-linter does not offer. Each returns its findings as "line: text"."""

import ast
import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.db.models import QuerySet

OWN = {"apps", "config", "demo", "devstack", "bench", "tests"}
# Public in spite of the underscore: the documentation of Django and Python describes them.
DOCUMENTED = {
    "_meta",
    "_state",
    "_default_manager",
    "_base_manager",
    "_asdict",
    "_replace",
    "_make",
    "_fields",
    "_exit",
}


# ── Private names of libraries ───────────────────────────────────────────────────────────────────────────
def private_names(source: str) -> list[str]:
    """Private names of third-party packages: imported, or read off something imported."""
    tree = ast.parse(source)
    imported: set[str] = set()
    found = []
    for node in ast.walk(tree):
        for module, name, bound in _imports(node):
            if _is_third_party(module):
                imported.add(bound)
                if any(_is_private(part) for part in [*module.split("."), name]):
                    found.append(f"{node.lineno}: {module}.{name}".rstrip("."))
    own_names = _names_defined_in(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            root = _root(node)
            if root in imported or not (root in {"self", "cls", "super"} or node.attr in own_names):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def private_overrides(module_name: str, source: str) -> list[str]:
    """Private attributes of a third-party base class that a class of the module defines anew."""
    module = importlib.import_module(module_name)
    found = []
    for node in ast.parse(source).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [base for base in getattr(module, node.name).__mro__ if _is_third_party(base.__module__)]
        for name in sorted(_names_defined_in(ast.Module(node.body, []), of_instances=False)):
            if _is_private(name) and any(name in vars(base) for base in bases):
                found.append(f"{node.lineno}: {node.name}.{name}")
    return found


def _imports(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    """(module, name or "", the name that it is bound to) of an import statement."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield alias.name, "", alias.asname or alias.name.split(".")[0]
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        for alias in node.names:
            yield node.module, alias.name, alias.asname or alias.name


def _is_third_party(module: str) -> bool:
    top = module.split(".")[0]
    return top not in OWN and top not in sys.stdlib_module_names


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_" and name not in DOCUMENTED


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes, calls and subscripts begins with."""
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Starred):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id


def _names_defined_in(tree: ast.AST, *, of_instances: bool = True) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()) if of_instances:
                names.add(name)
    return names


# ── SQL text ─────────────────────────────────────────────────────────────────────────────────────────────
_SQL = re.compile(
    r"\bSELECT\s.*\bFROM\b|\bINSERT\s+INTO\b|\bUPDATE\s+\S+\s.*\bSET\b|\bDELETE\s+FROM\b"
    r"|\bWITH\s+\w+[^;]*\bAS\s+((NOT\s+)?MATERIALIZED\s+)?\(|\bSELECT\s+(pg_|EXISTS|count\()",
    re.DOTALL,
)


def sql_texts(source: str) -> list[str]:
    """String constants and f-strings that contain a statement."""
    tree = ast.parse(source)
    within_f_strings = {
        id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in within_f_strings:
            text = node.value
        else:
            continue
        if _SQL.search(text):
            found.append(f"{node.lineno}: {' '.join(text.split())[:60]}")
    return found


def tables_in(sql: str, tables: set[str]) -> set[str]:
    """Those of `tables` that a statement names."""
    return set(re.findall(r"[a-z_][a-z0-9_]*", re.sub(r"--[^\n]*", "", sql))) & tables


# ── Rows in views ────────────────────────────────────────────────────────────────────────────────────────
def unruled_reads(source: str) -> list[str]:
    """Uses of a manager that begin with a method of Django's QuerySet, not with a rule of ours."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Attribute(attr="objects"), attr=method) if _is_generic(method):
                found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


def _is_generic(method: str) -> bool:
    return method != "none" and hasattr(QuerySet[Any], method)


def python_files(root: Path, *patterns: str) -> list[Path]:
    found = {file for pattern in patterns for file in root.glob(pattern)}
    return sorted(file for file in found if "migrations" not in file.parts)


def long_prose(text: str) -> list[str]:
    """Lines of Markdown with more than 120 characters, without code, tables, and lines that have no place to break."""
    without_code = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = [line for line in without_code.splitlines() if not line.lstrip().startswith("|")]
    return [line for line in prose if len(line) > 120 and " " in line.strip()]
