"""URLs of databases on the server of the tests."""

import os
from urllib.parse import urlsplit, urlunsplit

from django.db import connection


def url_of(database: str = "") -> str:
    """The URL of the database with this name, by default of the test database of this process."""
    name = database or connection.settings_dict["NAME"]
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))
