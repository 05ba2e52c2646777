"""One whole installation for all tests that need a running platform and do not break it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation
from tests.support.person import Person

# A test that asks for one of these shares it with the others of its folder, in one process.
SHARED = {"platform", "hub", "alice", "bob"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file go to one process; those that share an installation, too."""
    for item in items:
        assert isinstance(item, pytest.Function)
        shares = SHARED.intersection(item.fixturenames)
        item.add_marker(pytest.mark.xdist_group(str(item.path.parent if shares else item.path)))


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
