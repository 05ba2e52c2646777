from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from .running import Hub
from .world import World, make_world


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    hub = Hub(tmp_path_factory.mktemp("hub"))
    try:
        for part in ("hub", "mlflow", "mlflow-door"):
            hub.start(part)
        for part in ("hub", "mlflow", "mlflow-door"):
            hub.wait(part)
        hub.hub_api("POST", "/users", {"usernames": ["bob"]})
        yield hub
    finally:
        hub.stop_all()


@pytest.fixture(scope="session")
def world(hub: Hub) -> World:
    return make_world(hub)


@pytest.fixture
def alice(hub: Hub) -> Iterator[httpx.Client]:
    with hub.client("alice") as client:
        yield client


@pytest.fixture
def bob(hub: Hub) -> Iterator[httpx.Client]:
    with hub.client("bob") as client:
        yield client
