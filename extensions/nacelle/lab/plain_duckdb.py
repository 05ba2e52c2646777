"""DuckDB as code written on the SSP Cloud calls it: `duckdb.connect()`, then keys by name.

Such code expects the extension httpfs to be had from the internet, and a store whose certificate
the machine trusts. DuckDB reads neither from the environment, so both are given to it here.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any


def prepare_duckdb(environ: Mapping[str, str]) -> None:
    """Make `import duckdb` of this process read `s3://` with what `environ` says.

    Does nothing where DuckDB is not installed.
    """
    try:
        import duckdb
        from duckdb_extensions import import_extension
    except ImportError:
        return
    # It goes to DuckDB's folder in the home, where INSTALL and LOAD find it.
    import_extension("httpfs")
    authority = environ.get("AWS_CA_BUNDLE")
    if authority is None:
        return
    trust = f"SET ca_cert_file = '{authority.replace(chr(39), 2 * chr(39))}'"
    plain = duckdb.connect

    @functools.wraps(plain)
    def connect(*args: Any, **kwargs: Any) -> duckdb.DuckDBPyConnection:
        con = plain(*args, **kwargs)
        con.execute(trust)
        return con

    duckdb.connect = connect
    # The one behind duckdb.sql() and its like.
    duckdb.default_connection().execute(trust)
