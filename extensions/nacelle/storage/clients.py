"""Storage clients that are ready in one call, with keys that renew while they are in use."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import duckdb
from duckdb_extensions import import_extension

from nacelle.credentials.client import fetch_from_provider
from nacelle.credentials.keys import Keys, KeysUnavailable, half_life

SECRET = "nacelle"
RETRY_SECONDS = 5.0


def connect(
    database: str | os.PathLike[str] = ":memory:", environ: Mapping[str, str] = os.environ
) -> duckdb.DuckDBPyConnection:
    """A DuckDB connection that reads and writes `s3://bucket/key` and local paths alike.

    In a server or a job of the platform its keys are renewed in the background for as long as the
    connection is in use. Elsewhere it is a plain connection: local files work, and keys that stand
    in the environment by name are taken. Raises KeysUnavailable when the platform refuses keys.
    """
    con = duckdb.connect(os.fspath(database))
    import_extension("httpfs", con=con)
    con.load_extension("httpfs")
    if environ.get("AWS_CA_BUNDLE"):
        con.execute(f"SET ca_cert_file = {_literal(environ['AWS_CA_BUNDLE'])}")
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in environ:
        keys = fetch_from_provider(environ)
        con.execute(make_secret(keys, environ))
        _keep_fresh(con, keys, environ)
    return con


def make_secret(keys: Keys, environ: Mapping[str, str]) -> str:
    """The statement that gives DuckDB these keys for every s3:// address."""
    endpoint = urlsplit(environ.get("AWS_ENDPOINT_URL", "https://s3.amazonaws.com"))
    options = {
        "TYPE": "s3",
        "KEY_ID": _literal(keys.access_key),
        "SECRET": _literal(keys.secret_key),
        "SESSION_TOKEN": _literal(keys.session_token),
        "REGION": _literal(environ.get("AWS_DEFAULT_REGION", "us-east-1")),
        "ENDPOINT": _literal(endpoint.netloc),
        "USE_SSL": "true" if endpoint.scheme == "https" else "false",
        "URL_STYLE": _literal("path"),
    }
    body = ", ".join(f"{name} {value}" for name, value in options.items())
    return f"CREATE OR REPLACE SECRET {SECRET} ({body})"


def _keep_fresh(con: duckdb.DuckDBPyConnection, keys: Keys, environ: Mapping[str, str]) -> None:
    ended = threading.Event()
    weakref.finalize(con, ended.set)
    # A connection of its own to the same database: secrets belong to the database, and the
    # user's connection may be busy.
    threading.Thread(
        target=_renew, args=(con.cursor(), keys, dict(environ), ended), daemon=True
    ).start()


def _renew(
    con: duckdb.DuckDBPyConnection, keys: Keys, environ: Mapping[str, str], ended: threading.Event
) -> None:
    wait = _seconds_to(half_life(keys))
    while not ended.wait(wait):
        try:
            keys = fetch_from_provider(environ)
            con.execute(make_secret(keys, environ))
            wait = _seconds_to(half_life(keys))
        except KeysUnavailable:
            wait = RETRY_SECONDS
        except duckdb.Error:
            # The database was closed under us: nobody uses it any more.
            return
    con.close()


def _seconds_to(moment: datetime) -> float:
    return max(1.0, (moment - datetime.now(UTC)).total_seconds())


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
