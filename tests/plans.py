"""What PostgreSQL means to do with a query."""

import json
from typing import Any

from django.db import connection
from django.db.models import QuerySet


def explain(queryset: QuerySet[Any]) -> dict[str, Any]:
    """The plan, run for real, on tables whose statistics are fresh."""
    return json.loads(queryset.explain(format="json", analyze=True))[0]["Plan"]


def explain_sql(sql: str, params: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        return cursor.fetchone()[0][0]["Plan"]


def analyze(*tables: str) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'ANALYZE "{table}"')


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def indexes_used(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def rows_read(plan: dict[str, Any]) -> int:
    """The most rows that any one step handled, all its loops together."""
    return max(int(node["Actual Rows"] * node["Actual Loops"]) for node in nodes(plan))
