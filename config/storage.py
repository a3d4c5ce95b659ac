"""How static files are stored in production."""

from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORT = (
    r"""(?P<matched>(?P<before>\b(?:from|import)\s*\(?\s*["'])(?P<url>\./[\w-]+\.js)(?P<after>["']))""",
    "%(before)s%(url)s%(after)s",
)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Names files by their content, also in the imports of the pages' modules.

    A browser would load a module twice if the page and another module named it differently. Modules must not import
    each other in a circle, because then each name would depend on the other. `support_js_module_import_aggregation`
    would do this for the scripts of all packages, some of which import files that they do not ship.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("web/js/*.js", (_IMPORT,)))
