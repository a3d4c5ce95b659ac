"""Finding a route among many."""

from collections import defaultdict

from django.urls import ResolverMatch, URLPattern, URLResolver
from django.urls.resolvers import RoutePattern


class GroupedRoutes(URLResolver):
    """What `path(prefix, include(routes))` makes, but for how it finds one. Django tries all routes, one after the
    other; here only those are tried that begin with the same word as the path and have as many parts.

    Raises ValueError for a route that does not say by its text where it belongs.
    """

    def __init__(self, prefix: str, routes: list[URLPattern]) -> None:
        super().__init__(RoutePattern(prefix), routes)
        self._prefix = prefix
        groups: defaultdict[tuple[str, int], list[URLPattern]] = defaultdict(list)
        for route in routes:
            groups[_group_of(_checked(str(route.pattern)))].append(route)
        self._groups = dict(groups)

    def resolve(self, path: str) -> ResolverMatch:
        if path.startswith(self._prefix):
            rest = path.removeprefix(self._prefix)
            for route in self._groups.get(_group_of(rest), []):
                if found := route.resolve(rest):
                    return found
        return super().resolve(path)


def _group_of(path: str) -> tuple[str, int]:
    return path.partition("/")[0], path.count("/")


def _checked(route: str) -> str:
    if route.startswith("<") or "<path:" in route:
        raise ValueError(f"neither its first word nor its length is known: {route}")
    return route
