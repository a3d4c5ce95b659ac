"""Query plans of PostgreSQL."""

import json
import re
from typing import Any

from django.db import connection
from django.db.models import QuerySet


def explain(queryset: QuerySet[Any]) -> dict[str, Any]:
    """The plan of the query, with the figures of a real execution."""
    return json.loads(queryset.explain(format="json", analyze=True))[0]["Plan"]


def explain_sql(sql: str, params: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params)
        return cursor.fetchone()[0][0]["Plan"]


def explain_kept(sql: str, values: dict[str, Any]) -> dict[str, Any]:
    """The generic plan of a statement with named placeholders, executed with these values."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    numbered = re.sub(r"%\((\w+)\)s", lambda name: f"${names.index(name[1]) + 1}", sql).replace("%%", "%")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE kept AS {numbered}")
        given = f"({', '.join(['%s'] * len(names))})" if names else ""
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE kept{given}", [values[name] for name in names])
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE kept")
        return plan


def analyze(*tables: str) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'ANALYZE "{table}"')


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes(child))]


def indexes_used(plan: dict[str, Any]) -> set[str]:
    return {node["Index Name"] for node in nodes(plan) if "Index Name" in node}


def rows_read(plan: dict[str, Any], *, ignored: str = "") -> int:
    """The largest number of rows that a step read in all its loops, including those that it filtered out. Steps that
    read the table `ignored`, and those above that only pass its rows on, are left out."""
    steps = [
        node for node in nodes(plan) if not ignored or ignored not in {n.get("Relation Name") for n in nodes(node)}
    ]
    return max(int(_handled(node) * node["Actual Loops"]) for node in steps)


def _tables(plan: dict[str, Any]) -> set[str]:
    return {str(node.get("Relation Name", "")) for node in nodes(plan)}


def _handled(node: dict[str, Any]) -> float:
    filtered = ("Rows Removed by Filter", "Rows Removed by Join Filter")
    return node["Actual Rows"] + sum(node.get(which, 0) for which in filtered)
