"""Idle servers are stopped; one whose kernel computes in silence is not."""

from __future__ import annotations

import time

import pytest

from tests.support.installation import Installation
from tests.support.waiting import wait_for

pytestmark = pytest.mark.drill
SETTINGS = {"sessions": {"idle_timeout": 20}}


def test_idle_is_stopped_and_busy_is_not(installation: Installation) -> None:
    with installation.person("alice") as alice, installation.person("bob") as bob:
        bob.start_server(profile="python")
        kernel = alice.start_server(profile="python").kernel()
        started = time.monotonic()
        # Silent work, three times as long as the limit.
        number = kernel.send("import time; time.sleep(60); print('done')")
        wait_for(lambda: not servers_of(bob), 60, "the end of the idle server")
        assert kernel.collect(number).text.strip() == "done"
        assert time.monotonic() - started > 55
        assert servers_of(alice)
        kernel.close()
        wait_for(lambda: not servers_of(alice), 90, "the end of the server that became idle")


def servers_of(person):  # type: ignore[no-untyped-def]
    return person.call("GET", f"users/{person.name}").json()["servers"]
