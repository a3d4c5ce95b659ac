"""Finding a route among many."""

from collections import defaultdict

from django.urls import ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern

# The first word, how many follow, and the last one: "" where it may be any.
Group = tuple[str, int, str]


class GroupedRoutes(URLResolver):
    """What `path(prefix, include(routes))` makes, but for how it finds one. Django tries all routes, one after the
    other; here only those are tried that begin and end with the same words as the path and have as many parts.

    Raises ValueError for a route that does not say by its text where it belongs.
    """

    def __init__(self, prefix: str, routes: list[URLPattern]) -> None:
        super().__init__(RoutePattern(prefix), routes)
        self._prefix = prefix
        groups: defaultdict[Group, list[URLPattern]] = defaultdict(list)
        for route in routes:
            first, parts, last = _group_of(_checked(str(route.pattern)))
            groups[first, parts, "" if last.endswith(">") else last].append(route)
        self._groups = dict(groups)

    def resolve(self, path: str) -> ResolverMatch:
        if path.startswith(self._prefix):
            rest = path.removeprefix(self._prefix)
            first, parts, last = _group_of(rest)
            for group in ((first, parts, last), (first, parts, "")):
                for route in self._groups.get(group, []):
                    if found := route.resolve(rest):
                        return found
        return super().resolve(path)


def _group_of(path: str) -> Group:
    return path.partition("/")[0], path.count("/"), path.rpartition("/")[2]


def _checked(route: str) -> str:
    if route.startswith("<") or "<path:" in route:
        raise ValueError(f"neither its first word nor its length is known: {route}")
    return route
