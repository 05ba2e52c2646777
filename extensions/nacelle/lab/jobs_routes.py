"""Which paths of the jobs service a user's server passes on, and how much of what.

Only what is listed here goes through: the rest of the service, and all else that the server's own
token could open, stays out of a page's reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

_ID = "[0-9a-f]{32}"
_STEP = "[A-Za-z][A-Za-z0-9_-]{0,49}"
# A notebook with its outputs; the service holds the installation's own, smaller limit.
NOTEBOOK_BYTES = 50 * 1024 * 1024
JSON_BYTES = 1_000_000


class Route(NamedTuple):
    """A path of the service (a pattern of the whole of it) and what may be asked there."""

    path: re.Pattern[str]
    methods: frozenset[str]
    query: frozenset[str] = frozenset()
    most_bytes: int = JSON_BYTES


def _route(path: str, methods: str, query: str = "", most_bytes: int = JSON_BYTES) -> Route:
    return Route(re.compile(path), frozenset(methods.split()), frozenset(query.split()), most_bytes)


ROUTES = (
    _route("me", "GET"),
    _route("notebooks", "POST", "path", NOTEBOOK_BYTES),
    _route("preview", "POST"),
    _route("jobs", "GET POST", "search state project everybody limit offset"),
    _route(f"jobs/{_ID}", "GET PATCH DELETE"),
    _route(f"jobs/{_ID}/(suspend|resume|arm|run|take-over|hand-over)", "POST"),
    _route(f"jobs/{_ID}/equivalent", "GET"),
    _route("runs", "GET", "job state search project everybody limit before"),
    _route(f"runs/{_ID}", "GET"),
    _route(f"runs/{_ID}/(cancel|again)", "POST"),
    _route(f"runs/{_ID}/log", "GET", "offset"),
    _route(rf"runs/{_ID}/output\.(ipynb|html)", "GET"),
    _route(f"runs/{_ID}/compare/{_ID}", "GET"),
    _route(f"runs/{_ID}/steps", "GET"),
    _route(rf"runs/{_ID}/steps/{_STEP}/notebook\.(ipynb|html)", "GET"),
    _route("messages", "GET", "after"),
    _route("messages/read", "POST"),
    _route("changes", "GET"),
)


def find_route(path: str) -> Route | None:
    """The route of a path, or None: it is not passed on."""
    return next((route for route in ROUTES if route.path.fullmatch(path)), None)


def kept_query(route: Route, given: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """What of a request's query the service gets; Jupyter adds words of its own to it."""
    return tuple((name, value) for name, value in given if name in route.query)
