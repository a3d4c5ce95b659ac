"""Which names, statements and reads stand where."""

import pytest
from django.apps import apps

from apps.core.db import queries
from tests import sql_files
from tests.architecture import checkers
from tests.architecture.test_house import ROOT, STACK

# What is left to be removed: {file: findings}. Nothing may be added.
PRIVATE_NAMES: dict[str, int] = {}
PRIVATE_OVERRIDES: dict[str, int] = {}
SQL_IN_PYTHON: dict[str, int] = {}
UNRULED_READS: dict[str, int] = {}

OWN_CODE = checkers.python_files(ROOT, "apps/**/*.py", "config/*.py", "demo/**/*.py", "devstack/**/*.py")
WITH_SQL = [
    file
    for file in checkers.python_files(ROOT, "apps/**/*.py", "config/*.py", "demo/**/*.py")
    if not file.is_relative_to(ROOT / "apps/core/db")
]
VIEWS = [file for file in checkers.python_files(ROOT, "apps/*/api/*.py") if file.parts[-3] != "core"]


def beyond(findings, allowed):
    """The findings in files that have more of them than is allowed."""
    return {file: found for file, found in findings.items() if len(found) > allowed.get(file, 0)}


def findings_of(check, files):
    found = {str(file.relative_to(ROOT)): check(file.read_text()) for file in files}
    return {file: findings for file, findings in found.items() if findings}


def test_no_private_name_of_a_library_is_used():
    assert beyond(findings_of(checkers.private_names, OWN_CODE), PRIVATE_NAMES) == {}


def test_no_private_method_of_a_library_is_overridden():
    found = {}
    for file in checkers.python_files(ROOT, "apps/**/*.py"):
        name = str(file.relative_to(ROOT))
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        if findings := checkers.private_overrides(module, file.read_text()):
            found[name] = findings
    assert beyond(found, PRIVATE_OVERRIDES) == {}


def test_sql_text_is_only_in_sql_files():
    assert beyond(findings_of(checkers.sql_texts, WITH_SQL), SQL_IN_PYTHON) == {}


def test_views_read_rows_through_rules():
    assert beyond(findings_of(checkers.unruled_reads, VIEWS), UNRULED_READS) == {}


def test_prose_of_the_documentation_has_lines_of_at_most_120_characters():
    found = [file for pattern in ("*.md", "config/**/*.md", "docs/**/*.md") for file in ROOT.glob(pattern)]
    assert findings_of(checkers.long_prose, [file for file in found if "node_modules" not in file.parts]) == {}


# ── The checks themselves ────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "source",
    [
        "from psycopg.waiting import _WaitTimeout",
        "import psycopg._cmodule",
        "from psycopg._enums import PyFormat",
        "import redis\nredis.client._x()",
        "from django.http import HttpResponse\nHttpResponse()._store",
        "def view(request):\n    return request._request",
        "def header(response):\n    response.headers._store['a'] = 1",
    ],
)
def test_private_name_of_a_library_is_found(source):
    assert len(checkers.private_names(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "class A:\n    def _x(self): pass\n    def y(self, other):\n        return self._x() + other._x()",
        "from apps.core.api.pagination import _limit",
        "from django.db.models import Model\ndef table(model):\n    return model._meta.db_table",
        "def replaced(row):\n    return row._replace(a=1)",
        "class A:\n    def __init__(self):\n        self._own = 1\nA()._own",
    ],
)
def test_own_and_documented_names_are_accepted(source):
    assert checkers.private_names(source) == []


def test_override_of_a_private_method_is_found():
    source = "class PhotogramSchema:\n    def _is_list_view(self): pass\n    def _refusals_by_status(self): pass"
    found = checkers.private_overrides("apps.core.api.schema", source)
    assert found == ["1: PhotogramSchema._is_list_view"]


@pytest.mark.parametrize(
    "source",
    [
        "A = 'SELECT id FROM content_post'",
        'A = f"SELECT {columns} FROM {table}"',
        "cursor.execute('INSERT INTO a (b) VALUES (1)')",
        'A = """\nUPDATE content_post\nSET caption = 1\n"""',
        "A = 'DELETE FROM content_post'",
        "A = 'WITH newest AS MATERIALIZED (x)'",
        "A = 'NOT EXISTS (SELECT FROM accounts_user)'",
        "A = 'SELECT pg_advisory_xact_lock(1)'",
    ],
)
def test_sql_text_is_found(source):
    assert len(checkers.sql_texts(source)) == 1


@pytest.mark.parametrize("source", ["A = 'Select one from the list'", "A = 'UPDATE'", 'A = f"{b} with {c} as (d)"'])
def test_prose_is_not_taken_for_sql(source):
    assert checkers.sql_texts(source) == []


@pytest.mark.parametrize("method", ["filter", "all", "get", "in_bulk", "select_related", "exclude", "order_by"])
def test_read_without_a_rule_is_found(method):
    assert len(checkers.unruled_reads(f"Post.objects.{method}(pk=1)")) == 1


def test_read_with_a_rule_is_accepted():
    assert checkers.unruled_reads("Post.objects.visible_to(viewer).filter(pk=1)\nPost.objects.none()") == []


# ── SQL files ────────────────────────────────────────────────────────────────────────────────────────────
TABLES = {model._meta.db_table: model._meta.app_label for model in apps.get_models()}


def higher_tables(app, sql):
    """The tables that a statement of the app names and that are not of its own or a lower app."""
    own_and_lower = set(STACK[: STACK.index(app) + 1])
    return {table for table in checkers.tables_in(sql, set(TABLES)) if TABLES[table] not in own_and_lower}


@pytest.mark.parametrize("name", sql_files.NAMES)
def test_statement_names_only_tables_of_its_own_and_lower_apps(name):
    app = name.partition("/")[0]
    assert higher_tables(app, queries.path_of(name).read_text()) == set()


def test_table_of_a_higher_app_is_found():
    sql = "SELECT 1 FROM content_post -- notifications_act\nJOIN engagement_like AS l ON true"
    assert higher_tables("content", sql) == {"engagement_like"}
    assert higher_tables("engagement", sql) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("name", sql_files.NAMES)
def test_statement_has_a_generic_plan(name):
    assert sql_files.generic_plan(name)


def test_long_prose_is_found_and_code_tables_and_long_links_are_accepted():
    line = "word " * 30
    assert checkers.long_prose(f"{line}\n- {line}") == [line, f"- {line}"]
    accepted = ["word", f"```console\n{line}\n```", f"- list\n\n  ```\n  {line}\n  ```", f"| {line} |", "x" * 130]
    assert checkers.long_prose("\n".join(accepted)) == []
