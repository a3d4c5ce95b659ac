"""Routes are found as Django finds them, only sooner."""

import re

import pytest
from django.urls import Resolver404, URLResolver, path, resolve
from django.urls.resolvers import RoutePattern

from apps.core.api.routes import GroupedRoutes
from config.urls import api

PLAIN = URLResolver(RoutePattern("v1/"), api)
GROUPED = GroupedRoutes("v1/", api)
VALUES = {"uuid": "0190b3c2-617e-7344-973f-6fabd1d61dd2", "str": "@alice"}


def filled(route):
    return re.sub(r"<(\w+):\w+>", lambda found: VALUES[found[1]], route)


@pytest.mark.parametrize("route", [str(each.pattern) for each in api])
def test_a_route_is_what_django_would_have_found(route):
    asked = f"api/v1/{filled(route)}"
    expected, found = PLAIN.resolve(asked), GROUPED.resolve(asked)
    assert (found.func, found.kwargs, found.route) == (expected.func, expected.kwargs, expected.route)
    assert resolve(f"/{asked}").route == f"api/v1/{expected.route}"


@pytest.mark.parametrize("asked", ["v1/", "api/v1/nothing", "api/v1/posts/1", "api/v1/users/a/b/c/d", "users", "feed"])
def test_what_is_no_route_is_none(asked):
    for resolver in (PLAIN, GROUPED):
        with pytest.raises(Resolver404):
            resolver.resolve(asked)


@pytest.mark.parametrize("route", ["<str:anything>", "files/<path:name>"])
def test_a_route_must_say_where_it_belongs(route):
    with pytest.raises(ValueError, match="neither"):
        GroupedRoutes("v1/", [path(route, lambda request: None)])
