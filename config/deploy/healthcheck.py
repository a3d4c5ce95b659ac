"""Exit 0 when the API of this machine answers that it lives, under a name that it listens to."""

import http.client
import os
import sys

name = os.environ.get("ALLOWED_HOSTS", "localhost").split(",")[0].strip().lstrip(".")
connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=4)
try:
    connection.request("GET", "/health/live", headers={"Host": name})
    sys.exit(0 if connection.getresponse().status == 200 else 1)
except OSError as error:
    sys.exit(f"unreachable: {error}")
