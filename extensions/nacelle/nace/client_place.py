"""Where the classifier is, and what lets us in: from arguments, or from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from nacelle.nace.client_errors import ClientError
from nacelle.prefixes import MLFLOW_PREFIX, NACE_PREFIX

URL, KEY, HUB_TOKEN = "NACELLE_NACE_URL", "NACELLE_API_KEY", "JUPYTERHUB_API_TOKEN"
_TRACKING, _TRACKING_PATH = "MLFLOW_TRACKING_URI", MLFLOW_PREFIX


@dataclass(frozen=True)
class Place:
    """The address of the service, without slash at its end, and the key or token, '' for none."""

    url: str
    key: str = field(repr=False, default="")


def find_place(
    url: str | None = None, key: str | None = None, environ: Mapping[str, str] = os.environ
) -> Place:
    """The service that is meant. Raises ClientError where that cannot be told.

    Address: `url`, else $NACELLE_NACE_URL, else, in a session of the platform, the one beside its
    MLflow. Key: `key`, else $NACELLE_API_KEY, else the session's hub token, which is only sent to
    the platform that gave it.
    """
    ours = environ.get(URL) or _beside_mlflow(environ.get(_TRACKING, ""))
    chosen = (url or ours).rstrip("/")
    if not chosen:
        raise ClientError(
            f"Which classifier? Give its address as url or in ${URL}, such as"
            f" https://platform.example{NACE_PREFIX}."
        )
    parts = _checked(chosen)
    given = key if key is not None else environ.get(KEY)
    if not given and ours and _origin(parts) == _origin(_checked(ours)):
        given = environ.get(HUB_TOKEN)
    given = (given or "").strip()
    if not (given.isascii() and given.isprintable() and " " not in given):
        raise ClientError("The key holds characters that no key has; copy it whole.")
    return Place(chosen, given)


def _beside_mlflow(tracking: str) -> str:
    origin, found, rest = tracking.rstrip("/").rpartition(_TRACKING_PATH)
    return origin + NACE_PREFIX if found and not rest else ""


def _checked(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment:
        raise ClientError(f"{url!r} is no address: write http(s)://host[:port]{NACE_PREFIX}.")
    if parts.username is not None:
        raise ClientError(f"An address with a password in it gets around: put the key in ${KEY}.")
    return parts


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    usual = {"http": 80, "https": 443}[parts.scheme]
    return parts.scheme, parts.hostname, parts.port or usual
