"""How static files are stored in production."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage

MODULES = "web/js/"
PAGES = "web/"
_IMPORT = (
    r"""(?P<matched>(?P<before>\b(?:from|import)\s*\(?\s*["'])(?P<url>\./[\w-]+\.js)(?P<after>["']))""",
    "%(before)s%(url)s%(after)s",
)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # whitenoise carries no types
    """Names files by a hash of their content, also in the imports of the pages' modules.

    A browser would load a module twice if the page and another module named it differently. The modules share one hash,
    because they import each other in circles. `support_js_module_import_aggregation` is not used: it hashes each module
    by itself, and fails at scripts of packages that import files which the packages do not ship.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, (f"{MODULES}*.js", (_IMPORT,)))
    modules_hash = ""

    def post_process(self, paths: dict[str, Any], dry_run: bool = False, **options: Any) -> Iterator[Any]:
        digest = hashlib.sha256()
        for name in sorted(name for name in paths if name.startswith(MODULES)):
            storage, path = paths[name]
            with storage.open(path) as file:
                digest.update(file.read())
        self.modules_hash = digest.hexdigest()[:12]
        yield from super().post_process(paths, dry_run, **options)

    def file_hash(self, name: str | None, content: Any = None) -> str | None:
        own_hash: str | None = super().file_hash(name, content)
        return self.modules_hash if own_hash and name and name.startswith(MODULES) else own_hash

    def compress_files(self, paths: Iterable[str]) -> Any:
        # Compressing the files of the console and of the API documentation takes a minute, those of the pages a second.
        wanted = paths if settings.PRODUCTION else [path for path in paths if path.startswith(PAGES)]
        return super().compress_files(wanted)
