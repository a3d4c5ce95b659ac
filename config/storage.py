"""The storage of static files."""

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage

MODULES = "web/js/"
PAGES = ("web/", "django_htmx/htmx-4", "django_htmx/ext/")


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # WhiteNoise has no types
    """Compressed files with a hash in their names, by which the ES modules of the pages import each other.

    A module contains the names of those that it imports, and two that import each other would have no hash. So the
    modules share one, that of all their sources. Scripts of packages are left as they are: some contain imports in
    comments, of files that do not exist.
    """

    support_js_module_import_aggregation = True

    def file_hash(self, name: str | None, content: Any = None) -> str:
        # The manifest, which is hashed as well, has no name.
        if name and name.startswith(MODULES):
            return self._modules_hash
        return str(super().file_hash(name, content))

    def url_converter(self, name: str, hashed_files: Any, template: Any = None) -> Callable[[re.Match[str]], str]:
        if name.endswith(".js") and not name.startswith(MODULES):
            return lambda match: match[0]
        convert: Callable[[re.Match[str]], str] = super().url_converter(name, hashed_files, template)
        return convert

    def compress_files(self, paths: Iterable[str]) -> Any:
        # Compressing the files of all packages takes a minute; those of the pages take a second.
        wanted = paths if settings.PRODUCTION else [path for path in paths if path.startswith(PAGES)]
        return super().compress_files(wanted)

    @cached_property
    def _modules_hash(self) -> str:
        digest = hashlib.sha256()
        for source in sorted((settings.BASE_DIR / "static" / MODULES).glob("*.js")):
            digest.update(source.read_bytes())
        return digest.hexdigest()[:12]
