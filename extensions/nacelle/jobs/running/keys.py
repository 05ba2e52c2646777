"""Storage keys of a run: a loopback endpoint that renews them by the job's token."""

from __future__ import annotations

import time

from nacelle.credentials.client import fetch_from_provider, fetch_keys
from nacelle.credentials.keys import Keys, KeysRefused, KeysUnavailable
from nacelle.credentials.provider import start_provider
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.running.halt import Halt
from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal

PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0


def start_keys(broker_url: str, token: str, hider: Hider) -> dict[str, str]:
    """Serve keys on loopback; the names by which SDKs find them. Nothing is fetched yet."""

    def fetch() -> Keys:
        keys = fetch_keys(broker_url, token)
        hider.add(keys.secret_key, keys.session_token)
        return keys

    hider.add(token)
    names = start_provider(fetch)
    hider.add(names["AWS_CONTAINER_AUTHORIZATION_TOKEN"])
    return names


def await_keys(
    names: dict[str, str], owner: str, halt: Halt, journal: Journal, patience: float
) -> None:
    """Return when there are keys. Raises Ended when they are refused, or for long not to be had."""
    end = time.monotonic() + patience
    told = False
    while True:
        halt.check()
        try:
            fetch_from_provider(names)
            return
        except KeysUnavailable as error:
            if isinstance(error, KeysRefused) or time.monotonic() > end:
                raise Ended("keys-refused", message=str(error), owner=owner) from None
            if not told:
                journal.say(f"No storage keys yet: {error}. Asking again for {patience:g} s.")
                told = True
        halt.wait(_PAUSE_SECONDS)
