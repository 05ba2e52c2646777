"""IPython extension of the static_keys profile: keys by name, fresh before each cell.

Code written on the SSP Cloud reads AWS_ACCESS_KEY_ID and its two companions from the environment.
Static keys outrank the renewing provider in every SDK, so they are set only where a profile says.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

from nacelle.lab.plain_duckdb import prepare_duckdb


def load_ipython_extension(shell: Any) -> None:
    """Set the keys now and before each cell; does nothing outside a static_keys session."""
    if os.environ.get("NACELLE_STATIC_KEYS") != "1":
        return
    refresh = _Refresh()
    refresh()
    shell.events.register("pre_run_cell", refresh)
    prepare_duckdb(os.environ)


class _Refresh:
    def __init__(self) -> None:
        self._due = datetime.min.replace(tzinfo=UTC)

    def __call__(self, info: object = None) -> None:
        from nacelle.credentials.client import fetch_from_provider
        from nacelle.credentials.keys import KeysUnavailable, half_life

        if datetime.now(UTC) < self._due:
            return
        try:
            keys = fetch_from_provider()
        except KeysUnavailable as error:
            # The cell runs all the same: it may not need the store.
            print(f"Storage keys were not refreshed: {error}")
            return
        os.environ.update(keys.to_env())
        self._due = half_life(keys)
