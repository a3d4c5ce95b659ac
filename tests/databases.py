"""Databases on the tests' PostgreSQL."""

import os
from urllib.parse import urlsplit, urlunsplit

from django.db import connection


def url_of(database: str = "") -> str:
    """Of the one with that name; without a name, of the one that this process tests in."""
    name = database or connection.settings_dict["NAME"]
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
