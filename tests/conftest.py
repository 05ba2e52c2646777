"""One whole installation for all tests that need a running platform and do not break it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.installation import Installation
from tests.support.person import Person

# Folders whose tests share a running installation; of the journeys, some bring their own.
_TOGETHER = ("tests/hub", "tests/storage", "tests/proxy", "tests/journeys", "tests/jobs/running")
_ALONE = (
    "tests/journeys/test_up.py",
    "tests/journeys/test_tls.py",
    "tests/hub/test_hub_oidc_live.py",
    "tests/hub/test_hub_oidc.py",
    "tests/hub/test_hub_secrets.py",
    "tests/hub/test_hub_secrets_in_browser.py",
    "tests/hub/test_hub_configure.py",
    "tests/hub/test_hub_passwords.py",
)


class ByInstallation(LoadScopeScheduling):
    """What shares an installation runs in one process; other files go where there is room."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        folder = file.rpartition("/")[0]
        return folder if folder in _TOGETHER and file not in _ALONE else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByInstallation:
    return ByInstallation(config, log)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Started with `nacelle up --detach`, stopped with `nacelle down`."""
    installation = Installation(tmp_path_factory.mktemp("platform"))
    try:
        installation.up()
        yield installation
    finally:
        installation.down()


@pytest.fixture(scope="session")
def alice(platform: Installation) -> Iterator[Person]:
    """A member of the project prix, with a running server."""
    yield from _with_server(platform, "alice")


@pytest.fixture(scope="session")
def bob(platform: Installation) -> Iterator[Person]:
    """A member of no project, with a running server."""
    yield from _with_server(platform, "bob")


def _with_server(platform: Installation, name: str) -> Iterator[Person]:
    with platform.person(name) as person:
        person.start_server(profile="python")
        yield person
        person.stop_server()
